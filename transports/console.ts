/**
 * Loghive for applications that log with `console.log()`.
 *
 * @module loghive/console
 * @example
 * import { patchConsole } from 'loghive/console';
 *
 * patchConsole({ service: 'shop' });
 * console.log('order placed', { order: 7 });
 */
import { EventEmitter } from 'node:events';
import { wrapDiagnostics } from '../src/internal-logger.js';
import { type Level, type LevelName, severity } from '../src/level.js';
import { openProducer, type Producer } from '../src/producer.js';
import { levelOption, type ProducerConfig, type ProducerOptions, producerConfig } from '../src/producer-config.js';
import type { CloseOptions, FlushOptions } from '../src/publisher/flushes.js';
import type { CloseResult, PublisherEvents, PublisherStats, PublisherStatus } from '../src/publisher/status.js';
import { boolean, type Check, Expected, isOptions, kindOf, resolveOptions } from '../src/settings/option.js';
import { settingsKey } from '../src/settings/settings-key.js';
import { unrecorded } from './console-methods.js';
import { addDestination } from './console-patch.js';

/** Events of a patched console: `warning` with a LoghiveError, `connect`, `disconnect`. Never `error`. */
export type PatchedConsoleEvents = PublisherEvents;

/**
 * Records every call of the console's methods, which still print. After this call nothing throws. Everything is
 * flushed at the end of the script, at `process.exit()`, and on SIGTERM, SIGINT and SIGHUP, without a call.
 *
 * After a second call with the same settings, each console call still makes one record, until both results are
 * restored. With other settings (another service, for example) each console call makes a record for each of them. The
 * console prints unless one of them has `passThrough: false`.
 *
 * Console calls during another one (by a getter, `toJSON` or `inspect.custom` of an argument, or by a listener of the
 * events) are printed and not recorded.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if an option is wrong. The console is unchanged then.
 */
export function patchConsole(options?: PatchConsoleOptions): PatchedConsole {
  const { passThrough, level, console, producer } = splitOptions('patchConsole', options);
  return new PatchedConsole(producerConfig('patchConsole', producer), {
    passThrough,
    level,
    console,
    redact: producer?.redact,
  });
}

interface Patch {
  readonly passThrough: boolean;
  readonly level: Level;
  readonly console: Console;
  /** The option as it was passed: two resolved ones cannot be compared. */
  readonly redact: unknown;
}

class PatchedConsole extends EventEmitter<PatchedConsoleEvents> {
  readonly #producer: Producer;
  readonly #restore: () => void;

  constructor(config: ProducerConfig, { passThrough, level, console, redact }: Patch) {
    super();
    this.#producer = openProducer(config, this);
    const key = settingsKey([{ ...config, redact }, passThrough, level]);
    const lowest = severity(level);
    const log: Producer['log'] = (entry) => {
      if (severity(entry.level) >= lowest) this.#producer.log(entry);
    };
    const { notAccepted } = this.#producer;
    this.#restore = config.enabled
      ? addDestination(console, { key, passThrough, log, redact: config.redact, notAccepted })
      : () => {};
  }

  /**
   * Restores the console. After the last restore every method is the original function again, except those that other
   * code has replaced in the meantime.
   */
  restore(): void {
    this.#restore();
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
   * Restores the console, flushes for at most `timeoutMs` (default: `exitTimeoutMs`), then closes the connection,
   * unless another integration shares it. Never rejects. Later calls return the result of the first one.
   */
  close(options?: CloseOptions): Promise<CloseResult> {
    this.restore();
    return this.#producer.close(options);
  }

  stats(): PublisherStats {
    return this.#producer.stats();
  }

  status(): PublisherStatus {
    return this.#producer.status();
  }

  /** What a listener prints is not recorded: it could cause the next event. */
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of other events are as Node's own types have them
  override emit<E>(name: E | keyof PatchedConsoleEvents, ...args: any[]): boolean {
    return unrecorded(() => Reflect.apply(super.emit, this, [name, ...args]));
  }
}

export type { PatchedConsole };

/** What an `onDiagnostic` function prints is not recorded. */
wrapDiagnostics(unrecorded);

export interface PatchConsoleOptions extends ProducerOptions {
  /**
   * Lowest level that is recorded; lower calls are still printed. One of the five, or another logger's name for one
   * (`warn`, …), in upper or lower case. Default: 'DEBUG', which records everything.
   */
  level?: LevelName | (string & {}) | undefined;
  /** `false`: recorded calls are not printed. Default: true. */
  passThrough?: boolean | undefined;
  /** The console to patch. Default: the global one. */
  console?: Console | undefined;
}

const anyConsole: Check<Console> = (value) => {
  if (isOptions(value) && typeof (value as { log?: unknown }).log === 'function') return value as Console;
  throw new Expected('a console, such as new Console(process.stdout)');
};

const checks = {
  passThrough: { check: boolean, fallback: true },
  level: levelOption,
  console: { check: anyConsole, fallback: undefined, show: kindOf },
} as const;

interface Split {
  readonly passThrough: boolean;
  readonly level: Level;
  readonly console: Console;
  readonly producer: ProducerOptions | undefined;
}

/**
 * Separates the options of this integration from those of every integration, which are checked later.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if an option of this integration is wrong.
 */
function splitOptions(owner: string, options: PatchConsoleOptions | undefined): Split {
  const { passThrough, level, console, ...producer } = isOptions(options) ? options : {};
  const own = resolveOptions(
    owner,
    checks,
    { passThrough, level, console },
    () => undefined,
    () => {},
  );
  return {
    passThrough: own.passThrough,
    level: own.level,
    console: own.console ?? globalThis.console,
    producer: isOptions(options) ? producer : options,
  };
}
