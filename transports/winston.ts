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
import { internalLogger } from '../src/internal-logger.js';
import { levelFinder, parseLevel } from '../src/level.js';
import { openProducer, type Producer } from '../src/producer.js';
import { type ProducerConfig, type ProducerOptions, producerConfig } from '../src/producer-config.js';
import type { PublisherEvents } from '../src/publisher/events.js';
import type { CloseResult, PublisherStats, PublisherStatus } from '../src/publisher/status.js';
import { splitInfo, type WinstonInfo } from './winston-info.js';
import { splitOptions, unknownLevel } from './winston-options.js';

/** Loghive's options and those of every Winston transport (`level`, `silent`, `format`, `handleExceptions`, …). */
export interface LoghiveTransportOptions
  extends Omit<Transport.TransportStreamOptions, 'log' | 'logv' | 'close'>,
    ProducerOptions {
  /** Of the stream that every transport is, in records. Default 16. */
  highWaterMark?: number;
}

/** What a transport emits beside the events of every stream. */
export type LoghiveTransportEvents = PublisherEvents;

// biome-ignore lint/suspicious/noExplicitAny: the arguments of other events are as Node's own types have them
type ArgumentsOf<E> = E extends keyof LoghiveTransportEvents ? LoghiveTransportEvents[E] : any[];
type Listener<E = unknown> = (...args: ArgumentsOf<E>) => void;

/** What a transport sees of the logger that it is added to. */
interface Logger {
  readonly levels?: Record<string, number>;
  readonly defaultMeta?: unknown;
}

/** EventEmitter's methods, which know what {@link LoghiveTransportEvents} carry. */
export interface LoghiveTransport {
  on<E extends keyof LoghiveTransportEvents>(event: E, listener: Listener<E>): this;
  on(event: string | symbol, listener: Listener): this;
  once<E extends keyof LoghiveTransportEvents>(event: E, listener: Listener<E>): this;
  once(event: string | symbol, listener: Listener): this;
  off<E extends keyof LoghiveTransportEvents>(event: E, listener: Listener<E>): this;
  off(event: string | symbol, listener: Listener): this;
}

/**
 * Forwards what a Winston logger writes to RabbitMQ. `logger.end()` followed by `finish` means that every record is
 * confirmed by the broker.
 *
 * Emits `warning` (a LoghiveError), `connect` and `disconnect`; never `error`, which without a listener would end the
 * application.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when an option is wrong.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface adds nothing that the base class does not have
export class LoghiveTransport extends Transport {
  readonly name = 'loghive';
  readonly #config: ProducerConfig;
  #producer: Producer;
  /** Closed by Winston, at a removal, and not by the application. */
  #removed = false;
  #hasEnded = false;
  #findLevel: typeof parseLevel = parseLevel;
  #levelTable: Record<string, number> | undefined;

  constructor(options: LoghiveTransportOptions = {}) {
    const { winston, loghive } = splitOptions('LoghiveTransport', options);
    const config = producerConfig('LoghiveTransport', loghive);
    super(winston);
    this.#config = config;
    this.#producer = openProducer(config, this);
    this.once('pipe', (logger: Logger) => this.#checkLevel(logger.levels));
    this.on('pipe', (logger: Logger) => this.#adopt(logger));
  }

  /**
   * Called by Winston for each record. The record is accepted when this returns; `next` is called at once, and `logged` is
   * emitted soon after, as by Winston's own transports.
   */
  override log(info: WinstonInfo, next?: () => void): void {
    if (this.#removed) this.#reopen();
    const { levelName, message, information } = splitInfo(info, this.#parent?.defaultMeta);
    const found = this.#levelOf(levelName);
    this.#producer.log({ level: found.level, levelName: found.name, message, information });
    if (this.listenerCount('logged') > 0) setImmediate(() => emitSafely(this, 'logged', info));
    next?.();
  }

  /**
   * A stream that has ended would emit `error` at a record, which would end the application: another logger may share this
   * transport, or Winston's pipe be held back by a slower one. The record is taken while it flushes, and counted after that.
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

  /** The logger that this transport belongs to, as the base class has it: null when it was removed. */
  get #parent(): Logger | null | undefined {
    return (this as { parent?: Logger | null }).parent;
  }

  /**
   * Resolves when everything that was logged before is confirmed by the broker, or counted as shed. While the broker is
   * away it waits: at the end of a program `close()` is the one with a time limit.
   */
  flush(): Promise<void> {
    return this.#producer.flush();
  }

  /**
   * Flushes for at most `exitTimeoutMs` and closes the connection. Never rejects. Winston calls it as well, when the
   * transport is removed or the logger closed.
   */
  override close(): Promise<CloseResult> {
    this.#removed = this.#parent === null;
    return this.#producer.close();
  }

  stats(): PublisherStats {
    return this.#producer.stats();
  }

  status(): PublisherStatus {
    return this.#producer.status();
  }

  /** `logger.end()`: `finish` waits for this. */
  override _final(done: (error?: Error | null) => void): void {
    void this.#producer.close().then(() => done());
  }

  /** The base class expects to be added once and removed once; `configure()` and `clear()` may be followed by `add()`. */
  #adopt(logger: Logger): void {
    if (this.#parent !== null) return;
    Object.assign(this, { parent: logger, levels: logger.levels });
    this.once('unpipe', (source: unknown) => {
      if (source !== this.#parent) return;
      Object.assign(this, { parent: null });
      void this.close();
    });
  }

  /** A record has come after the removal: the transport was added again, or belongs to another logger as well. */
  #reopen(): void {
    this.#removed = false;
    this.#producer = openProducer(this.#config, this);
  }

  #checkLevel(levels: Record<string, number> | undefined): void {
    const sentence = unknownLevel(this.level, levels);
    if (sentence === undefined) return;
    internalLogger.warning(sentence);
    emitSafely(this, 'warning', new LoghiveError('LOGHIVE_INVALID_OPTION', sentence));
  }

  /** Winston hands over its table of levels when the transport is added, and it may be added to another logger. */
  #levelOf(name: string): { level: ReturnType<typeof parseLevel>['level']; name?: string } {
    const table = (this as { levels?: Record<string, number> }).levels;
    if (table !== this.#levelTable) {
      this.#levelTable = table;
      this.#findLevel = table ? levelFinder(table) : parseLevel;
    }
    return this.#findLevel(name);
  }
}

export default LoghiveTransport;
