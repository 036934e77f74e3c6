/**
 * A logger for applications that have none: the counterpart of the Python package's `LoggerClient`.
 *
 * @example
 * import { LoggerClient } from 'loghive';
 *
 * const logger = new LoggerClient({ service: 'shop' });
 * logger.info('order placed', { order: 7 });
 */
import { EventEmitter } from 'node:events';
import { joinMembers, lastingMembers, type Member } from './fields/member.js';
import { forwardEvents } from './forward-events.js';
import { type FoundLevel, type Level, type LevelName, parseLevel, severity } from './level.js';
import { type Entry, openProducer, type Producer } from './producer.js';
import { levelOption, type ProducerOptions, producerConfig } from './producer-config.js';
import type { CloseOptions, FlushOptions } from './publisher/flushes.js';
import type { CloseResult, PublisherEvents, PublisherStats, PublisherStatus } from './publisher/status.js';
import { safeValue } from './safe-value.js';
import { isOptions, resolveOptions } from './settings/option.js';
import { isErrorSafely } from './value/error-value.js';

export interface LoggerClientOptions extends ProducerOptions {
  /**
   * Lowest level that is sent: one of the five, or another logger's name for one (`warn`, `notice`, …), in upper or
   * lower case. Default: 'DEBUG', which sends everything.
   */
  level?: LevelName | (string & {}) | undefined;
}

/** Events of a client: `warning` with a LoghiveError, `connect`, `disconnect`. Never `error`. */
export type LoggerClientEvents = PublisherEvents;

/** Logs at one level. The methods do not depend on `this`: `const { info } = client` works. */
interface LogMethod {
  /** @param information an object of fields, or an Error. */
  (message: unknown, information?: unknown): void;
  /** Pino's argument order. */
  (fields: object, message: string): void;
}

/** What a client shares with its children. */
interface Shared {
  readonly producer: Producer;
  readonly level: Level;
  /** Fields of every record. */
  readonly fields: readonly Member[];
}

/**
 * Sends records to RabbitMQ. A record is accepted when the call returns. No method throws. Everything is flushed at the
 * end of the script, at `process.exit()`, and on SIGTERM, SIGINT and SIGHUP, without a call.
 *
 * `message` is a text, or an Error, which is recorded under `information.error`. `information` is an object of fields,
 * or an Error, which is recorded in the same way. Pino's order is understood as well: `info({ order: 7 }, 'order
 * placed')`, `error(error, 'payment failed')`.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if an option is wrong.
 */
export class LoggerClient extends EventEmitter<LoggerClientEvents> {
  readonly #shared: Shared;
  readonly debug: LogMethod = (message: unknown, information?: unknown) => this.log('DEBUG', message, information);
  readonly info: LogMethod = (message: unknown, information?: unknown) => this.log('INFO', message, information);
  readonly warning: LogMethod = (message: unknown, information?: unknown) => this.log('WARNING', message, information);
  readonly error: LogMethod = (message: unknown, information?: unknown) => this.log('ERROR', message, information);
  readonly critical: LogMethod = (message: unknown, information?: unknown) =>
    this.log('CRITICAL', message, information);
  /** Alias of `debug`. */
  readonly trace: LogMethod = (message: unknown, information?: unknown) => this.log('trace', message, information);
  /** Alias of `warning`. */
  readonly warn: LogMethod = (message: unknown, information?: unknown) => this.log('warn', message, information);
  /** Alias of `critical`. */
  readonly fatal: LogMethod = (message: unknown, information?: unknown) => this.log('fatal', message, information);

  constructor(options?: LoggerClientOptions);
  constructor(options: LoggerClientOptions = {}, shared?: Shared) {
    super();
    this.#shared = shared ?? open(options, this);
  }

  /**
   * @param level one of the five, or another logger's name for one (`warn`, `notice`, …), in any case. A name that is
   *   not one of the five is kept in `information.level`; an unknown name counts as INFO.
   * @param message a text or an Error; or an object of fields, if a text follows.
   * @param information an object of fields or an Error; or the message, if an object or an Error comes before it.
   */
  log(level: LevelName | (string & {}), message: unknown, information?: unknown): void {
    const found = parseLevel(typeof level === 'string' ? level : textOf(safeValue(level)));
    const { producer, level: lowest, fields } = this.#shared;
    if (severity(found.level) < severity(lowest)) return;
    producer.log(entryOf(found, message, information, fields));
  }

  /**
   * A client that adds these fields to every record, unless the record has fields of the same names. It has
   * the connection, the level and the options of this one. `flush()`, `close()`, `stats()` and `status()` apply to
   * both, so close only one of them, at the end. The fields are copied now. Never throws.
   *
   * @param fields such as `{ requestId }`. The child of a child has the fields of both; the inner ones take precedence.
   */
  child(fields: object): LoggerClient {
    const { producer, level, fields: outer } = this.#shared;
    const own = isOptions(fields) ? lastingMembers(fields) : [];
    const child: LoggerClient = Reflect.construct(LoggerClient, [
      undefined,
      { producer, level, fields: joinMembers(own, outer) } satisfies Shared,
    ]);
    // An application may have many children that listen.
    this.setMaxListeners(0);
    forwardEvents(this, child);
    return child;
  }

  /**
   * Resolves when every record logged before the call is confirmed by the broker or counted as dropped. Waits while the
   * broker is unreachable, for at most `timeoutMs` if that is given; the records that are not confirmed by then stay
   * pending.
   */
  flush(options?: FlushOptions): Promise<void> {
    return this.#shared.producer.flush(options);
  }

  /**
   * Flushes for at most `timeoutMs` (default: `exitTimeoutMs`), then closes the connection, unless another integration
   * shares it. Never rejects. Later calls return the result of the first one.
   */
  close(options?: CloseOptions): Promise<CloseResult> {
    return this.#shared.producer.close(options);
  }

  stats(): PublisherStats {
    return this.#shared.producer.stats();
  }

  status(): PublisherStatus {
    return this.#shared.producer.status();
  }
}

const OWNER = 'LoggerClient';

function open(options: LoggerClientOptions, client: LoggerClient): Shared {
  // Anything but an object is reported by the check of the other options.
  const { level, ...others } = isOptions(options) ? options : {};
  const own = resolveOptions(
    OWNER,
    { level: levelOption },
    { level },
    () => undefined,
    () => {},
  );
  const config = producerConfig(OWNER, isOptions(options) ? others : options);
  return { producer: openProducer(config, client), level: own.level, fields: [] };
}

/** Errors go under `error`, as in every integration; under `err` if the fields have that name. */
function entryOf(found: FoundLevel, message: unknown, information: unknown, fields: readonly Member[]): Entry {
  const isError = isErrorSafely(message);
  if (typeof information === 'string' && typeof message === 'object' && message !== null) {
    return entry(found, information, isError ? { error: message } : message, fields);
  }
  if (!isError) return entry(found, message, isErrorSafely(information) ? { error: information } : information, fields);
  // The second argument does not belong to the error.
  const others = isErrorSafely(information) ? { value: information } : information;
  const error = { name: hasError(others) ? 'err' : 'error', value: message };
  return entry(found, message, others, joinMembers([error], fields));
}

/** A literal: entries that were spread into each other made V8's heap three times as large. */
function entry(found: FoundLevel, message: unknown, information: unknown, more: readonly Member[]): Entry {
  return { level: found.level, levelName: found.name, message, information, more };
}

function hasError(fields: unknown): boolean {
  try {
    return typeof fields === 'object' && fields !== null && Object.hasOwn(fields, 'error');
  } catch {
    return false; // a proxy that throws
  }
}

function textOf(json: unknown): string {
  return typeof json === 'string' ? json : JSON.stringify(json);
}
