/**
 * Loghive for applications that log by `console.log()`.
 *
 * @module loghive/console
 * @example
 * import { patchConsole } from 'loghive/console';
 *
 * patchConsole({ service: 'shop' });
 * console.log('order placed', { order: 7 });
 */
import { EventEmitter } from 'node:events';
import { openProducer, type Producer } from '../src/producer.js';
import { type ProducerConfig, type ProducerOptions, producerConfig } from '../src/producer-config.js';
import type { FlushOptions } from '../src/publisher/flushes.js';
import type { CloseResult, PublisherEvents, PublisherStats, PublisherStatus } from '../src/publisher/status.js';
import { boolean, type Check, Expected, isOptions, kindOf, resolveOptions } from '../src/settings/option.js';
import { unrecorded } from './console-methods.js';
import { addDestination } from './console-patch.js';

/** What a patched console emits: `warning` with a LoghiveError, `connect`, `disconnect`. Never `error`. */
export type PatchedConsoleEvents = PublisherEvents;

/**
 * Makes a record of every call of the console's methods, beside what they print. Nothing throws after it was patched. At
 * the end of the script, and on SIGTERM, SIGINT and SIGHUP, everything is flushed without a call.
 *
 * Called again with the same settings it gives another handle on the same patch: each call makes one record, until the
 * last handle is restored. With other settings (another service, say) each call makes a record for each of them. The
 * output is printed as long as none of them has `passThrough: false`.
 *
 * What is printed while another call is under way (by a getter, `toJSON` or `inspect.custom` of an argument, or by a
 * listener of the events) is printed, and makes no record.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when an option is wrong. The console is then as it was.
 */
export function patchConsole(options?: PatchConsoleOptions): PatchedConsole {
  const { passThrough, console, producer } = splitConsoleOptions('patchConsole', options);
  return new PatchedConsole(producerConfig('patchConsole', producer), {
    passThrough,
    console,
    redact: producer?.redact,
  });
}

interface Patch {
  readonly passThrough: boolean;
  readonly console: Console;
  /** As it was passed: what became of it cannot be compared. */
  readonly redact: unknown;
}

class PatchedConsole extends EventEmitter<PatchedConsoleEvents> {
  readonly #producer: Producer;
  readonly #restore: () => void;

  constructor(config: ProducerConfig, { passThrough, console, redact }: Patch) {
    super();
    this.#producer = openProducer(config, this);
    const key = JSON.stringify([config, passThrough, redact]);
    const log: Producer['log'] = (entry) => this.#producer.log(entry);
    const { notAccepted } = this.#producer;
    this.#restore = config.enabled
      ? addDestination(console, { key, passThrough, log, redact: config.redact, notAccepted })
      : () => {};
  }

  /**
   * Takes this patch back. When it was the last one, every method is the function that it was before; one that somebody
   * else has replaced meanwhile stays theirs.
   */
  restore(): void {
    this.#restore();
  }

  /**
   * Resolves when everything that was logged before is confirmed by the broker, or counted as dropped. While the broker is
   * away it waits, for at most `timeoutMs` where that is given; what is then not confirmed waits on.
   */
  flush(options?: FlushOptions): Promise<void> {
    return this.#producer.flush(options);
  }

  /** Restores, flushes for at most `exitTimeoutMs`, then ends the connection. Never rejects. */
  close(): Promise<CloseResult> {
    this.restore();
    return this.#producer.close();
  }

  stats(): PublisherStats {
    return this.#producer.stats();
  }

  status(): PublisherStatus {
    return this.#producer.status();
  }

  /** Listeners that print what they are told must not cause the next event by that. */
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of other events are as Node's own types have them
  override emit<E>(name: E | keyof PatchedConsoleEvents, ...args: any[]): boolean {
    return unrecorded(() => Reflect.apply(super.emit, this, [name, ...args]));
  }
}

export type { PatchedConsole };

// The options that only this door has, apart from those of every door, and checked like them.

export interface PatchConsoleOptions extends ProducerOptions {
  /** `false`: what is recorded is not printed any more. Default true. */
  passThrough?: boolean;
  /** Default: the global one. */
  console?: Console;
}

const anyConsole: Check<Console> = (value) => {
  if (isOptions(value) && typeof (value as { log?: unknown }).log === 'function') return value as Console;
  throw new Expected('a console, such as new Console(process.stdout)');
};

const checks = {
  passThrough: { check: boolean, fallback: true },
  console: { check: anyConsole, fallback: undefined, show: kindOf },
} as const;

interface Split {
  readonly passThrough: boolean;
  readonly console: Console;
  readonly producer: ProducerOptions | undefined;
}

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong option of this door. What is no object at all is left to the
 *   check of the others.
 */
function splitConsoleOptions(owner: string, options: PatchConsoleOptions | undefined): Split {
  const { passThrough, console, ...producer } = isOptions(options) ? options : {};
  const own = resolveOptions(
    owner,
    checks,
    { passThrough, console },
    () => undefined,
    () => {},
  );
  return {
    passThrough: own.passThrough,
    console: own.console ?? globalThis.console,
    producer: isOptions(options) ? producer : options,
  };
}
