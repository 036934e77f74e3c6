/** Nest with Winston by nest-winston. Records of `Logger` from @nestjs/common, and of Nest itself, go to Loghive. */
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { withContext } from 'loghive';
import { LoghiveTransport } from 'loghive/winston';
import { WinstonModule } from 'nest-winston';
import winston from 'winston';
import { AppModule } from './app.module.js';

// LOGHIVE_SERVICE and LOGHIVE_URL set the service name and the broker
const logger = WinstonModule.createLogger({ transports: [new winston.transports.Console(), new LoghiveTransport()] });

const app = await NestFactory.create(AppModule, { logger });
app.use((request: { headers: NodeJS.Dict<string> }, _response: unknown, next: () => void) =>
  withContext({ requestId: request.headers['x-request-id'] ?? randomUUID() }, next),
);
app.enableShutdownHooks(); // Nest shuts down on SIGTERM and raises the signal again; then Loghive flushes
await app.listen(Number(process.env.PORT ?? 3000));
