/**
 * Everything Loghive uses of Pino, thread-stream and pino-abstract-transport beyond their documentation: the
 * configuration that a logger sends to the stream it writes to. Within a thread it comes as an event of the stream, in
 * Pino's worker as a message to the thread.
 *
 * In the worker, lines come through shared memory. They are read before the messages, which are delivered between turns
 * of the event loop; a short script may be over by then. But a message that was sent before a line was written has
 * arrived when the line has, so it can be fetched synchronously.
 */
import type { EventEmitter } from 'node:events';
import type { Transform } from 'node:stream';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

export interface PinoConfig {
  /** Names and numbers of all levels of the logger. */
  readonly levels?: { readonly values?: Readonly<Record<string, number>> };
  readonly messageKey?: string;
  readonly errorKey?: string;
}

/** What Pino and thread-stream add to the options of a target in the worker thread. */
export const OWN_OPTIONS: ReadonlySet<string> = new Set(['pinoWillSendConfig', '$context']);

/** Whether this runs in Pino's worker thread, which receives the configuration as messages. */
export function isPinoWorker(): boolean {
  return parentPort !== null && data()?.pinoWillSendConfig === true;
}

/**
 * Calls back for each configuration; several loggers may write to one stream.
 *
 * @returns fetches the configurations that were sent until now. Call it before a line is read.
 */
export function onPinoConfig(stream: EventEmitter, onConfig: (config: PinoConfig) => void): () => void {
  const listen = (message: unknown) => {
    const { code, config } = (message ?? {}) as { code?: unknown; config?: PinoConfig };
    if (code === 'PINO_CONFIG' && config) onConfig(config);
  };
  stream.on('message', listen);
  if (!isPinoWorker()) return () => {};
  parentPort?.on('message', listen);
  return fetchMessages;
}

/** Other messages are delivered to their listeners in the next turn of the event loop. */
function fetchMessages(): void {
  const port = parentPort as NonNullable<typeof parentPort>;
  for (let next = receive(port); next !== undefined; next = receive(port)) {
    const { message } = next;
    const isConfig = (message as { code?: unknown } | null)?.code === 'PINO_CONFIG';
    if (isConfig) port.emit('message', message);
    else setImmediate(() => port.emit('message', message));
  }
}

function receive(port: NonNullable<typeof parentPort>): { message: unknown } | undefined {
  try {
    return receiveMessageOnPort(port) as { message: unknown } | undefined;
  } catch {
    return undefined; // a runtime that does not support it: messages come as events
  }
}

/** thread-stream passes the options of the target, or of all targets, inside of its own worker data. */
function data(): { pinoWillSendConfig?: unknown } | undefined {
  return (workerData as { workerData?: { pinoWillSendConfig?: unknown } } | null)?.workerData;
}

/** The stream of pino-abstract-transport splits its input into lines in `_transform`. A chunk may hold many lines. */
export function replaceTransform(
  stream: Transform,
  make: (inner: Transform['_transform']) => Transform['_transform'],
): void {
  stream._transform = make(stream._transform.bind(stream));
}

/** Its `_flush` handles a last line without a line feed. `then` runs after that, before the stream finishes. */
export function afterLastLine(stream: Transform, then: () => Promise<unknown>): void {
  const flush = stream._flush.bind(stream);
  stream._flush = (done) => {
    flush((error) => {
      if (error) done(error);
      else void then().then(() => done());
    });
  };
}
