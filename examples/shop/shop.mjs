/** A small web shop: node:http, no framework, an ordinary Winston logger. Run: `node examples/shop/shop.mjs` */
import { once } from 'node:events';
import http from 'node:http';
import { json } from 'node:stream/consumers';
import { logger } from './logger.mjs';
import { keepReceipts } from './receipts.mjs';
import { answer } from './routes.mjs';

if (process.env.SHOP_RECEIPTS) keepReceipts(logger, process.env.SHOP_RECEIPTS);

let requests = 0;

const server = http.createServer(async (request, response) => {
  const startedMs = performance.now();
  const requestId = `r-${++requests}`;
  const log = logger.child({ requestId });
  const url = new URL(request.url, 'http://shop');
  let result;
  try {
    const body = request.method === 'POST' ? await json(request) : undefined;
    result = await answer({ method: request.method, url, body, requestId, log });
  } catch (error) {
    log.error('unexpected', { error });
    result = { status: 500, body: { error: 'something went wrong' } };
  }
  response.writeHead(result.status, { 'content-type': 'application/json' }).end(JSON.stringify(result.body));
  log.http(`${request.method} ${url.pathname}`, {
    status: result.status,
    tookMs: Math.round(performance.now() - startedMs),
  });
});

server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  process.stdout.write(`shop on http://127.0.0.1:${server.address().port}\n`);
});

// Graceful shutdown: finish open requests, then end the logger. Its 'finish' event means that RabbitMQ has confirmed
// every record.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    logger.info(`${signal}: shutting down`, { requests });
    server.close();
    await once(server, 'close');
    logger.end();
    await once(logger, 'finish');
    process.exit(0);
  });
}
