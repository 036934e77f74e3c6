import {
  type ConnectionStatus,
  type ErrorCode,
  LEVELS,
  type Level,
  type LoghiveError,
  type PublisherStats,
} from 'loghive';
import { type ConsumerOptions, createConsumer, type LoghiveConsumer, startConsumer } from 'loghive/consumer';
import DefaultTransport, { LoghiveTransport, type LoghiveTransportOptions } from 'loghive/winston';
import * as winston from 'winston';

const options: LoghiveTransportOptions = { level: 'silly', format: winston.format.json(), lingerMs: 2 };
const transport: DefaultTransport = new LoghiveTransport(options);
const logger = winston.createLogger({ level: 'silly', transports: [transport] });
const levels = ['error', 'warn', 'info', 'http', 'debug'];

for (let order = 0; order < 100; order++) logger.log(levels[order % 5], 'order placed', { order });

transport.on('warning', (error) => {
  const typed: LoghiveError = error;
  console.error(typed.code);
});
transport.once('disconnect', ({ code }) => {
  const known: ErrorCode = code;
  console.error(known);
});
transport.off('connect', () => {}).on('finish', () => {});
const connection: ConnectionStatus = transport.status().connection;
if (connection.lastErrorAtMs !== undefined) console.error(connection.lastError);
logger.on('finish', () => {
  const stats: PublisherStats = transport.stats();
  console.log(JSON.stringify(stats));
});
logger.end();

// None of this may be `any`: each line below has to be an error.
// @ts-expect-error an option that does not exist
export const unknownOption: LoghiveTransportOptions = { sevrice: 'shop' };
// @ts-expect-error a value of the wrong type
export const wrongValue: LoghiveTransportOptions = { lingerMs: '5' };
// @ts-expect-error a number
export const notText: string = transport.stats().accepted;
// @ts-expect-error the transport is one of Winston's
export const notNumber: number = transport.silent;
// @ts-expect-error an error, not a text
transport.on('warning', (error) => error.toUpperCase());
// @ts-expect-error nothing comes with it
transport.on('connect', (error) => error.code);
// @ts-expect-error not one of the five levels
export const notLevel: Level = 'FATAL';
// @ts-expect-error a list, not a text
export const notList: ConsumerOptions = { retryDelaysMs: '1000' };
export const first: Level = LEVELS[0];
export const stop = (consumer: LoghiveConsumer): Promise<void> => consumer.stop();

// The consumer, which is not run here.
const { signal } = new AbortController();
export const create = (): LoghiveConsumer => createConsumer(['shop'], { databaseUrl: 'postgres://localhost/logs' });
export const createForAll = (): LoghiveConsumer => createConsumer();
export const startThat = (consumer: LoghiveConsumer): Promise<void> => consumer.start({ signal });
export const start = (): Promise<LoghiveConsumer> => startConsumer(['shop'], { workers: 0, signal });
// @ts-expect-error the services come first
export const optionsFirst = () => createConsumer({ databaseUrl: 'postgres://localhost/logs' });
// @ts-expect-error they are no option
export const twice = () => createConsumer([], { services: ['shop'] });
// @ts-expect-error it is started, and stopped, later
export const tooEarly = () => createConsumer([], { signal });
// @ts-expect-error the signal, not who sends it
export const notSignal = () => startConsumer([], { signal: new AbortController() });
