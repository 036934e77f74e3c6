/** Express with Winston. Every record that is logged during a request has the id of that request. */
import { randomUUID } from 'node:crypto';
import express from 'express';
import { withContext } from 'loghive';
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';

// LOGHIVE_SERVICE and LOGHIVE_URL set the service name and the broker.
const logger = winston.createLogger({ transports: [new winston.transports.Console(), new LoghiveTransport()] });

const app = express();

app.use((request, _response, next) => withContext({ requestId: request.get('x-request-id') ?? randomUUID() }, next));

app.get('/orders/:order', (request, response) => {
  logger.info('order looked up', { order: request.params.order });
  response.json({ order: request.params.order });
});

app.get('/broken', () => {
  throw new Error('the warehouse does not answer');
});

app.use((error, request, response, _next) => {
  logger.error('request failed:', { error, path: request.path });
  response.sendStatus(500);
});

const server = app.listen(Number(process.env.PORT ?? 3000));

process.once('SIGTERM', () => server.close(() => process.exit())); // Loghive flushes at `exit`
