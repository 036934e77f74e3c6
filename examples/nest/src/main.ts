/** Nest with Winston by nest-winston: `Logger` of @nestjs/common, and what Nest says itself, all go to Loghive. */
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { withContext } from 'loghive';
import { LoghiveTransport } from 'loghive/winston';
import { WinstonModule } from 'nest-winston';
import winston from 'winston';
import { AppModule } from './app.module.js';

// LOGHIVE_SERVICE and LOGHIVE_URL say as what, and where to
const logger = WinstonModule.createLogger({ transports: [new winston.transports.Console(), new LoghiveTransport()] });

const app = await NestFactory.create(AppModule, { logger });
app.use((request: { headers: NodeJS.Dict<string> }, _response: unknown, next: () => void) =>
  withContext({ requestId: request.headers['x-request-id'] ?? randomUUID() }, next),
);
app.enableShutdownHooks(); // Nest closes at SIGTERM and raises it again; then Loghive flushes
await app.listen(Number(process.env.PORT ?? 3000));
