/**
 * A logger of Loghive's own, for applications that have none: the Python package's `LoggerClient`.
 *
 * @example
 * import { LoggerClient } from 'loghive';
 *
 * const logger = new LoggerClient({ service: 'shop' });
 * logger.info('order placed', { order: 7 });
 */
import { EventEmitter } from 'node:events';
import { parseLevel } from './level.js';
import { type Entry, openProducer, type Producer } from './producer.js';
import { type ProducerOptions, producerConfig } from './producer-config.js';
import type { FlushOptions } from './publisher/flushes.js';
import type { CloseResult, PublisherEvents, PublisherStats, PublisherStatus } from './publisher/status.js';
import { safeValue } from './safe-value.js';
import { isErrorSafely } from './value/error-value.js';

export type LoggerClientOptions = ProducerOptions;

/** What a client emits: `warning` with a LoghiveError, `connect`, `disconnect`. Never `error`. */
export type LoggerClientEvents = PublisherEvents;

/** Logs at one level. The methods need no `this`: `const { info } = client` works. */
type LogMethod = (message: unknown, information?: unknown) => void;

/**
 * Sends records to RabbitMQ. A record is accepted when the call returns; nothing throws after the client was made. At the
 * end of the script, and on SIGTERM, SIGINT and SIGHUP, everything is flushed without a call.
 *
 * `message` is a text, or an Error, which is recorded under `information.error`. `information` is an object of fields, or
 * an Error, which is recorded in the same way.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when an option is wrong.
 */
export class LoggerClient extends EventEmitter<LoggerClientEvents> {
  readonly #producer: Producer;
  readonly debug: LogMethod = (message, information) => this.log('DEBUG', message, information);
  readonly info: LogMethod = (message, information) => this.log('INFO', message, information);
  readonly warning: LogMethod = (message, information) => this.log('WARNING', message, information);
  readonly error: LogMethod = (message, information) => this.log('ERROR', message, information);
  readonly critical: LogMethod = (message, information) => this.log('CRITICAL', message, information);
  /** DEBUG, as other loggers call it. */
  readonly trace: LogMethod = (message, information) => this.log('trace', message, information);
  /** WARNING, as other loggers call it. */
  readonly warn: LogMethod = (message, information) => this.log('warn', message, information);
  /** CRITICAL, as other loggers call it. */
  readonly fatal: LogMethod = (message, information) => this.log('fatal', message, information);

  constructor(options: LoggerClientOptions = {}) {
    super();
    this.#producer = openProducer(producerConfig('LoggerClient', options), this);
  }

  /**
   * @param level one of the five, or another logger's name for one (`warn`, `notice`, …), in any case. A name that is not
   *   one of the five is kept in `information.level`; one that nobody knows counts as INFO.
   */
  log(level: string, message: unknown, information?: unknown): void {
    const found = parseLevel(typeof level === 'string' ? level : textOf(safeValue(level)));
    this.#producer.log({ level: found.level, levelName: found.name, message, ...withErrors(message, information) });
  }

  /**
   * Resolves when everything that was logged before is confirmed by the broker, or counted as dropped. While the broker is
   * away it waits, for at most `timeoutMs` where that is given; what is then not confirmed waits on.
   */
  flush(options?: FlushOptions): Promise<void> {
    return this.#producer.flush(options);
  }

  /** Flushes for at most `exitTimeoutMs`, then ends the connection. Never rejects. */
  close(): Promise<CloseResult> {
    return this.#producer.close();
  }

  stats(): PublisherStats {
    return this.#producer.stats();
  }

  status(): PublisherStatus {
    return this.#producer.status();
  }
}

/** Errors under `error`, where every door has them; `err` where the fields have that name. */
function withErrors(message: unknown, information: unknown): Pick<Entry, 'information' | 'more'> {
  if (!isErrorSafely(message))
    return { information: isErrorSafely(information) ? { error: information } : information };
  // What comes second is no field of the first.
  const fields = isErrorSafely(information) ? { value: information } : information;
  return { information: fields, more: [{ name: hasError(fields) ? 'err' : 'error', value: message }] };
}

function hasError(fields: unknown): boolean {
  try {
    return typeof fields === 'object' && fields !== null && Object.hasOwn(fields, 'error');
  } catch {
    return false; // a proxy that does not say
  }
}

function textOf(json: unknown): string {
  return typeof json === 'string' ? json : JSON.stringify(json);
}
