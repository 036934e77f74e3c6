/**
 * Loghive for Winston.
 *
 * @module loghive/winston
 * @example
 * import winston from 'winston';
 * import { LoghiveTransport } from 'loghive/winston';
 *
 * const logger = winston.createLogger({
 *   transports: [new winston.transports.Console(), new LoghiveTransport({ service: 'shop' })],
 * });
 * logger.info('order placed', { order: 7 });
 */
import Transport from 'winston-transport';
import { emitSafely } from '../src/emit-safely.js';
import { LoghiveError } from '../src/errors.js';
import { diagnosticLogger } from '../src/internal-logger.js';
import { type FoundLevel, levelFinder, levelReader } from '../src/level.js';
import { openProducer, type Producer } from '../src/producer.js';
import { type ProducerConfig, type ProducerOptions, producerConfig } from '../src/producer-config.js';
import type { CloseOptions, FlushOptions } from '../src/publisher/flushes.js';
import type { CloseResult, PublisherEvents, PublisherStats, PublisherStatus } from '../src/publisher/status.js';
import { boolean, type Check, Expected, integer, isOptions, kindOf, resolveOptions } from '../src/settings/option.js';
import { isErrorSafely } from '../src/value/error-value.js';
import { readSafely } from '../src/value/foreign-object.js';
import { type InfoParts, splitInfo, type WinstonInfo } from './winston-info.js';
import { isAccepted, LEVEL, type Logger, levelsOf, parentOf, setParent, type Written } from './winston-internals.js';

/** Loghive's options and those of every Winston transport (`level`, `silent`, `format`, `handleExceptions`, …). */
export interface LoghiveTransportOptions extends WinstonOptions, ProducerOptions {
  /** Size of the transport's stream buffer, in records. Default: 16. */
  highWaterMark?: number | undefined;
}

type WinstonNames = Exclude<keyof Transport.TransportStreamOptions, 'log' | 'logv' | 'close'>;
type WinstonOptions = { [Name in WinstonNames]?: Transport.TransportStreamOptions[Name] | undefined };

/** Events of a transport, in addition to those of every stream. */
export type LoghiveTransportEvents = PublisherEvents;

// biome-ignore lint/suspicious/noExplicitAny: the arguments of other events are as Node's own types have them
type ArgumentsOf<E> = E extends keyof LoghiveTransportEvents ? LoghiveTransportEvents[E] : any[];
type Listener<E = unknown> = (...args: ArgumentsOf<E>) => void;

const NO_LEVELS: Record<string, number> = {};

/** The methods of EventEmitter, typed for {@link LoghiveTransportEvents}. */
export interface LoghiveTransport {
  on<E extends keyof LoghiveTransportEvents>(event: E, listener: Listener<E>): this;
  on(event: string | symbol, listener: Listener): this;
  once<E extends keyof LoghiveTransportEvents>(event: E, listener: Listener<E>): this;
  once(event: string | symbol, listener: Listener): this;
  off<E extends keyof LoghiveTransportEvents>(event: E, listener: Listener<E>): this;
  off(event: string | symbol, listener: Listener): this;
}

/**
 * Forwards the records of a Winston logger to RabbitMQ. `logger.end()` followed by `finish` means that every record is
 * confirmed by the broker.
 *
 * Emits `warning` (a LoghiveError), `connect` and `disconnect`; never `error`, which would end an application without
 * a listener.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if an option is wrong.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface adds nothing that the base class does not have
export class LoghiveTransport extends Transport {
  readonly name = 'loghive';
  readonly #config: ProducerConfig;
  #producer: Producer;
  /** Closed by Winston when it removed the transport, not by the application. */
  #removed = false;
  #hasEnded = false;
  #levels: LevelNames = levelNames(NO_LEVELS);
  /** The info that the transport's own format is working on. */
  #source: unknown;

  constructor(options: LoghiveTransportOptions = {}) {
    const { winston, loghive } = splitWinstonOptions('LoghiveTransport', options);
    const config = producerConfig('LoghiveTransport', loghive);
    super(winston);
    // Every logger with this transport listens to it. Many of them are not a leak.
    this.setMaxListeners(0);
    this.#config = config;
    this.#producer = openProducer(config, this);
    this.once('pipe', (logger: Logger) => this.#checkLevel(logger.levels));
    this.on('pipe', (logger: Logger) => this.#adopt(logger));
  }

  /**
   * Called by Winston for each record. The record is accepted when this returns. `next` is called synchronously;
   * `logged` is emitted soon after, as by Winston's own transports.
   */
  override log(info: WinstonInfo, next?: () => void): void {
    if (this.#removed) this.#reopen();
    const source = this.#source;
    this.#source = undefined;
    const parts = splitInfo(info, { defaultMeta: parentOf(this)?.defaultMeta, source });
    const { message, information } = parts;
    const found = this.#levelOf(parts, source);
    this.#producer.log({ level: found.level, levelName: found.name, message, information });
    if (this.listenerCount('logged') > 0) setImmediate(() => emitSafely(this, 'logged', info));
    next?.();
  }

  /**
   * A stream that has ended would emit `error` for a record and end the application: another logger may share this
   * transport, or a slower one may hold back Winston's pipe. The record is still accepted during the flush; after that
   * it is counted as dropped.
   */
  override write(info: unknown, encoding?: unknown, done?: unknown): boolean {
    if (!this.#hasEnded && !this.destroyed) {
      return super.write(info, encoding as BufferEncoding, done as () => void);
    }
    const written = typeof encoding === 'function' ? encoding : done;
    this._write(info, 'utf8', () => {
      if (typeof written === 'function') queueMicrotask(() => written());
    });
    return true;
  }

  override end(...last: unknown[]): this {
    super.end(...(last as []));
    this.#hasEnded = true;
    return this;
  }

  override _write(info: unknown, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#source = this.format ? info : undefined;
    super._write(this.format && isErrorSafely(info) ? copyOf(info) : info, encoding, done);
  }

  /** One by one: each record goes through the format. */
  override _writev(
    records: Array<{ chunk: unknown; encoding: BufferEncoding }>,
    done: (error?: Error | null) => void,
  ): void {
    try {
      for (const record of records as unknown as readonly Written[]) {
        if (isAccepted(this, record)) this._write(record.chunk, record.encoding, record.callback);
      }
    } finally {
      done();
    }
  }

  /**
   * Resolves when every record logged before the call is confirmed by the broker or counted as dropped. Waits while
   * the broker is unreachable, for at most `timeoutMs` if that is given; the records that are not confirmed by then
   * stay pending.
   */
  flush(options?: FlushOptions): Promise<void> {
    return this.#producer.flush(options);
  }

  /**
   * Flushes for at most `timeoutMs` (default: `exitTimeoutMs`), then closes the connection, unless another integration
   * shares it. Never rejects. Later calls return the result of the first one. Winston calls it without options when the
   * transport is removed or the logger is closed.
   */
  override close(options?: CloseOptions): Promise<CloseResult> {
    this.#removed = parentOf(this) === null;
    return this.#producer.close(options);
  }

  stats(): PublisherStats {
    return this.#producer.stats();
  }

  status(): PublisherStatus {
    return this.#producer.status();
  }

  /** `finish` after `logger.end()` waits for this. */
  override _final(done: (error?: Error | null) => void): void {
    void this.#producer.close().then(() => done());
  }

  /** The base class expects to be added and removed once, but `add()` may follow `configure()` and `clear()`. */
  #adopt(logger: Logger): void {
    if (parentOf(this) !== null) return;
    setParent(this, logger);
    this.once('unpipe', (source: unknown) => {
      if (source !== parentOf(this)) return;
      setParent(this, null);
      void this.close();
    });
  }

  /** A record came after the removal: the transport was added again, or belongs to another logger as well. */
  #reopen(): void {
    this.#removed = false;
    this.#producer = openProducer(this.#config, this);
  }

  #checkLevel(levels: Record<string, number> | undefined): void {
    const sentence = unknownLevel(this.level, levels);
    if (sentence === undefined) return;
    diagnosticLogger(this.#config.onDiagnostic).warning(sentence);
    emitSafely(this, 'warning', new LoghiveError('LOGHIVE_INVALID_OPTION', sentence));
  }

  #levelOf({ levelName, isPlainLevel }: InfoParts, source: unknown): FoundLevel {
    const table = levelsOf(this) ?? NO_LEVELS;
    if (table !== this.#levels.table) this.#levels = levelNames(table);
    const { find, read } = this.#levels;
    if (isPlainLevel) return find(levelName);
    // A format has made its own info, with a decorated level or none.
    const before = typeof source === 'object' && source !== null ? readSafely(source, LEVEL) : undefined;
    return read(levelName) ?? find(typeof before === 'string' ? before : levelName);
  }
}

/** Winston sets the table of levels when the transport is added. It may be added to another logger later. */
interface LevelNames {
  readonly table: Record<string, number>;
  readonly find: (name: string) => FoundLevel;
  readonly read: (text: string) => FoundLevel | undefined;
}

function levelNames(table: Record<string, number>): LevelNames {
  return { table, find: levelFinder(table), read: levelReader(table) };
}

/** The copy that a format gets. The message of an error is not enumerable. */
function copyOf(error: Error): object {
  return { ...error, message: readSafely(error, 'message') };
}

export default LoghiveTransport;

const level: Check<string | undefined> = (value) => {
  if (typeof value === 'string' && value !== '') return value;
  throw new Expected("the name of one of the logger's levels, such as 'info'");
};

const format: Check<object | undefined> = (value) => {
  if (isOptions(value) && typeof (value as { transform?: unknown }).transform === 'function') {
    return value;
  }
  throw new Expected('a format of Winston, such as winston.format.json()');
};

const checks = {
  level: { check: level, fallback: undefined },
  format: { check: format, fallback: undefined, show: kindOf },
  silent: { check: boolean, fallback: undefined },
  handleExceptions: { check: boolean, fallback: undefined },
  handleRejections: { check: boolean, fallback: undefined },
  highWaterMark: { check: integer(1, 1_000_000, 'records'), fallback: undefined },
} as const;

/**
 * Separates Winston's options from those of every integration, which are checked later.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if an option of Winston is wrong.
 */
function splitWinstonOptions(owner: string, options: object): { winston: object; loghive: ProducerOptions } {
  if (!isOptions(options)) return { winston: {}, loghive: options };
  const winston: Record<string, unknown> = {};
  const loghive: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    (Object.hasOwn(checks, name) ? winston : loghive)[name] = value;
  }
  const noEnvironment = () => undefined;
  return { winston: resolveOptions(owner, checks, winston, noEnvironment, () => {}), loghive };
}

/**
 * Winston silently passes on no record if it does not know the level of a transport.
 *
 * @returns the warning, or undefined.
 */
function unknownLevel(name: string | undefined, levels: Record<string, number> | undefined): string | undefined {
  if (name === undefined || !levels || Object.hasOwn(levels, name)) return undefined;
  return `LoghiveTransport: option "level" is "${name}", which its logger does not know, so no record is sent; expected one of ${Object.keys(levels).join(', ')}.`;
}
