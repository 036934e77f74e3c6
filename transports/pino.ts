/**
 * Loghive for Pino.
 *
 * @module loghive/pino
 * @example
 * import pino from 'pino';
 *
 * const logger = pino(pino.transport({ target: 'loghive/pino', options: { service: 'shop' } }));
 * logger.info({ order: 7 }, 'order placed');
 */
import type { EventEmitter } from 'node:events';
import type { Transform } from 'node:stream';
import build from 'pino-abstract-transport';
import { LoghiveError } from '../src/errors.js';
import { LEVEL_NAMES, TIME_NAMES } from '../src/line/field-names.js';
import { createLineReader, type LineFields, readEntrySafely } from '../src/line/read-line.js';
import { createLevelReader } from '../src/line/written-level.js';
import { openProducer, type Producer } from '../src/producer.js';
import { type ProducerOptions, producerConfig } from '../src/producer-config.js';
import type { CloseOptions, FlushOptions } from '../src/publisher/flushes.js';
import type { CloseResult, PublisherEvents, PublisherStats, PublisherStatus } from '../src/publisher/status.js';
import { type Check, Expected, isOptions, resolveOptions } from '../src/settings/option.js';
import { afterLastLine, isPinoWorker, OWN_OPTIONS, onPinoConfig, replaceTransform } from './pino-internals.js';
import { throttleLines } from './pino-throttle.js';

/** Events of the stream, in addition to those of every stream. */
export type LoghivePinoEvents = PublisherEvents;

// biome-ignore lint/suspicious/noExplicitAny: the arguments of other events are as Node's own types have them
type ArgumentsOf<E> = E extends keyof LoghivePinoEvents ? LoghivePinoEvents[E] : any[];
type Listener<E = unknown> = (...args: ArgumentsOf<E>) => void;

/** A stream of Pino's lines. `finish`, after `end()`, means that every record is confirmed by the broker. */
export interface LoghivePinoStream extends Transform {
  /**
   * Resolves, or calls back, when every record logged before the call is confirmed by the broker or counted as
   * dropped. Waits while the broker is unreachable, for at most `timeoutMs` if that is given. `logger.flush(callback)`
   * calls this.
   */
  flush(options?: FlushOptions): Promise<void>;
  flush(done?: (error?: Error) => void): Promise<void>;
  /**
   * Ends the stream, flushes for at most `timeoutMs` (default: `exitTimeoutMs`), then closes the connection, unless
   * another integration shares it. Never rejects. Later calls return the result of the first one.
   */
  close(options?: CloseOptions): Promise<CloseResult>;
  stats(): PublisherStats;
  status(): PublisherStatus;
  on<E extends keyof LoghivePinoEvents>(event: E, listener: Listener<E>): this;
  on(event: string | symbol, listener: Listener): this;
  once<E extends keyof LoghivePinoEvents>(event: E, listener: Listener<E>): this;
  once(event: string | symbol, listener: Listener): this;
  off<E extends keyof LoghivePinoEvents>(event: E, listener: Listener<E>): this;
  off(event: string | symbol, listener: Listener): this;
}

const OWNER = 'loghivePino';

/**
 * Forwards the lines of a Pino logger to RabbitMQ: as a target of `pino.transport()`, alone, as one of `targets`, or
 * at the end of a `pipeline`; or as a stream in the application's own thread, also in `pino.multistream()`:
 * `pino(loghivePino({ service: 'shop' }))`.
 *
 * In the application's own thread a record is accepted when the logging call returns. Emits `warning` (a
 * LoghiveError), `connect` and `disconnect`; never `error`.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if an option is wrong.
 */
export function loghivePino(options: LoghivePinoOptions = {}): LoghivePinoStream {
  const { lines, loghive } = splitPinoOptions(OWNER, options);
  // Pino's lines have their own hostname and pid, if the logger wants them.
  const config = producerConfig(OWNER, loghive, {});
  if (isPinoWorker() && config.spool?.mode === 'always') throw alwaysInWorker();
  /** Options of the first `close()`. */
  const limit: CloseOptions = {};
  let fields = fieldsOf(lines, {}, {});
  const read = createLineReader(() => fields);
  const take = (line: string) => {
    if (line.trim() !== '') producer.log(readEntrySafely(read, line));
  };
  const stream = build(() => {}, {
    metadata: false,
    // Null, because no reader follows to which anything could be passed on.
    parseLine: (line) => {
      take(line);
      return null;
    },
    close: async () => {
      await producer.close(limit);
    },
  });
  const producer = openProducer(config, stream);
  let ownLevels = {};
  const fetchConfigs = onPinoConfig(stream, ({ levels, ...names }) => {
    ownLevels = { ...ownLevels, ...levels?.values };
    fields = fieldsOf(lines, names, ownLevels);
  });
  replaceTransform(stream, (transform) => (chunk, encoding, done) => {
    fetchConfigs();
    transform(chunk, encoding, done);
  });
  if (isPinoWorker()) throttleLines(stream, config.bufferBytes, producer.stats);
  return complete(stream, producer, take, limit);
}

/** The logging call has returned long before the worker thread sees the line. */
function alwaysInWorker(): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `${OWNER}: option "spool" has mode "always", which cannot work in a worker target of Pino. Use mode "overflow", or pass loghivePino() to pino() in your own thread.`,
  );
}

function fieldsOf(
  options: LineOptions,
  logger: { messageKey?: string; errorKey?: string },
  ownLevels: Readonly<Record<string, number>>,
): LineFields {
  return {
    level: LEVEL_NAMES,
    message: [options.messageKey ?? logger.messageKey ?? 'msg'],
    error: [options.errorKey ?? logger.errorKey ?? 'err'],
    time: TIME_NAMES,
    readLevel: createLevelReader(ownLevels),
  };
}

function complete(
  stream: Transform & EventEmitter,
  producer: Producer,
  take: (line: string) => void,
  limit: CloseOptions,
): LoghivePinoStream {
  const { write } = stream;
  // Many streams may be piped into it: that is not a leak.
  stream.setMaxListeners(0);
  // `finish` waits for this.
  afterLastLine(stream, () => producer.close(limit));
  return Object.assign(stream.resume(), {
    // A stream that has ended would emit `error` for a line, and a logger must not end the application.
    write(chunk: unknown, ...rest: unknown[]) {
      if (!stream.writableEnded && !stream.destroyed) return Reflect.apply(write, stream, [chunk, ...rest]) as boolean;
      for (const line of String(chunk).split('\n')) take(line);
      const done = rest.at(-1);
      if (typeof done === 'function') queueMicrotask(() => done());
      return true;
    },
    async flush(how?: FlushOptions | ((error?: Error) => void)) {
      // In Pino's worker lines may wait in the stream.
      if (stream.writableLength > 0 && !stream.destroyed) {
        await new Promise((taken) => {
          if (stream.writableEnded) stream.once('close', taken);
          else Reflect.apply(write, stream, ['', taken]);
        });
      }
      const isCallback = typeof how === 'function';
      await producer.flush(isCallback ? {} : how);
      if (isCallback) how();
    },
    close(options?: CloseOptions) {
      // The end of the stream also closes the producer, and may do so first.
      limit.timeoutMs = options?.timeoutMs;
      stream.end();
      return producer.close(limit);
    },
    stats: () => producer.stats(),
    status: () => producer.status(),
  }) as LoghivePinoStream;
}

export default loghivePino;

export interface LoghivePinoOptions extends ProducerOptions {
  /** The field of a line that holds the message. Default: what Pino reports, else `msg`. */
  messageKey?: string | undefined;
  /** The field of a line that holds the error. Default: what Pino reports, else `err`. */
  errorKey?: string | undefined;
}

interface LineOptions {
  readonly messageKey: string | undefined;
  readonly errorKey: string | undefined;
}

const key: Check<string | undefined> = (value) => {
  if (typeof value === 'string' && value !== '') return value;
  throw new Expected("the name of a field, such as 'msg'");
};

const checks = {
  messageKey: { check: key, fallback: undefined },
  errorKey: { check: key, fallback: undefined },
} as const;

/**
 * Separates the options of this integration from those of every integration, which are checked later.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if an option of this integration is wrong.
 */
function splitPinoOptions(owner: string, options: object): { lines: LineOptions; loghive: ProducerOptions } {
  if (!isOptions(options)) return { lines: { messageKey: undefined, errorKey: undefined }, loghive: options };
  const lines: Record<string, unknown> = {};
  const loghive: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!OWN_OPTIONS.has(name)) (Object.hasOwn(checks, name) ? lines : loghive)[name] = value;
  }
  const noEnvironment = () => undefined;
  return { lines: resolveOptions(owner, checks, lines, noEnvironment, () => {}), loghive };
}
