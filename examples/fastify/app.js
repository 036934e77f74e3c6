/** Fastify's logger is Pino, with Loghive as its target. */
import { randomUUID } from 'node:crypto';
import Fastify, { LogController } from 'fastify';

const app = Fastify({
  // LOGHIVE_SERVICE and LOGHIVE_URL set the service name and the broker.
  logger: { transport: { target: 'loghive/pino' } },
  requestIdHeader: 'x-request-id',
  logController: new LogController({ requestIdLogLabel: 'requestId' }),
  genReqId: () => randomUUID(),
});

app.get('/orders/:order', async (request) => {
  request.log.info({ order: request.params.order }, 'order looked up');
  return { order: request.params.order };
});

app.get('/broken', async () => {
  throw new Error('the warehouse does not answer');
});

await app.listen({ port: Number(process.env.PORT ?? 3000) });

process.once('SIGTERM', async () => {
  await app.close();
  process.exit(); // Pino flushes at `exit`
});
