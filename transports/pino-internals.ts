/**
 * What Loghive touches of Pino, thread-stream and pino-abstract-transport beyond their documents, all of it: what a logger
 * says of itself to the stream that it writes to, by an event of the stream where that is in the same thread, by a message
 * to the thread where it is in Pino's worker.
 *
 * In the worker the lines come by shared memory, and overtake the messages: those are delivered in turns of the loop, of
 * which a script that ends at once leaves none. But a message that was sent before a line was written is there when the
 * line is, so that it can be fetched: nothing has to be waited for.
 */
import type { EventEmitter } from 'node:events';
import type { Transform } from 'node:stream';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

export interface PinoConfig {
  /** Names and numbers of all its levels. */
  readonly levels?: { readonly values?: Readonly<Record<string, number>> };
  readonly messageKey?: string;
  readonly errorKey?: string;
}

/** What Pino and its thread-stream put beside the options that a target is handed in the worker thread. */
export const OWN_OPTIONS: ReadonlySet<string> = new Set(['pinoWillSendConfig', '$context']);

/** Whether this runs in Pino's worker thread, to which the loggers' words are sent. */
export function isPinoWorker(): boolean {
  return parentPort !== null && data()?.pinoWillSendConfig === true;
}

/**
 * Calls back at each word of a logger; several may write to one stream.
 *
 * @returns hears what has been said until now: to be called before a line is read.
 */
export function onPinoConfig(stream: EventEmitter, heard: (config: PinoConfig) => void): () => void {
  const listen = (message: unknown) => {
    const { code, config } = (message ?? {}) as { code?: unknown; config?: PinoConfig };
    if (code === 'PINO_CONFIG' && config) heard(config);
  };
  stream.on('message', listen);
  if (!isPinoWorker()) return () => {};
  parentPort?.on('message', listen);
  return fetchMessages;
}

/** What is not a logger's word goes to those whom it would have reached, in the turn in which it would have. */
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
    return undefined; // a runtime that delivers messages by itself only
  }
}

/** thread-stream hands over the options of the target, or of all targets, as the data of its worker's own data. */
function data(): { pinoWillSendConfig?: unknown } | undefined {
  return (workerData as { workerData?: { pinoWillSendConfig?: unknown } } | null)?.workerData;
}

/** The stream of pino-abstract-transport takes what is written apart in its `_transform`, a piece that may hold many lines. */
export function replaceTransform(
  stream: Transform,
  make: (inner: Transform['_transform']) => Transform['_transform'],
): void {
  stream._transform = make(stream._transform.bind(stream));
}

/** Its `_flush` takes the last line, where that has no end: `then` runs after it, before the stream is finished. */
export function afterLastLine(stream: Transform, then: () => Promise<unknown>): void {
  const flush = stream._flush.bind(stream);
  stream._flush = (done) => {
    flush((error) => {
      if (error) done(error);
      else void then().then(() => done());
    });
  };
}
