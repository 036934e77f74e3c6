/**
 * Logs dead letters: the first one immediately, then at most one line every ten seconds, because any publisher can
 * cause any number of them in any number of queues.
 */

import { counted } from '../src/sentence.js';
import type { DeadLetter } from './store/index.js';

const EVERY_MS = 10_000;
const MAX_QUEUES = 3;
const MAX_REASON_CHARACTERS = 300;

export class DeadLetterLog {
  readonly #table: string;
  readonly #warn: (sentence: string) => void;
  /** Dead letters not logged yet, by queue. Those of further queues are counted together, under undefined. */
  readonly #counts = new Map<string | undefined, number>();
  /** The reason of the first one not logged yet. */
  #reason: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param schema PostgreSQL schema of the table of dead letters. */
  constructor(schema: string, warn: (sentence: string) => void) {
    this.#table = `${schema}.dead_letters`;
    this.#warn = warn;
  }

  add(letters: readonly Pick<DeadLetter, 'queue' | 'reason'>[]): void {
    const [first] = letters;
    if (first === undefined) return;
    this.#reason ??= first.reason;
    for (const { queue } of letters) {
      const name = this.#counts.has(queue) || this.#counts.size < MAX_QUEUES ? queue : undefined;
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    }
    if (this.#timer === undefined) this.#next();
  }

  /** Logs the remaining ones. */
  end(): void {
    clearTimeout(this.#timer);
    this.#log();
  }

  #next(): void {
    this.#timer = this.#log() ? setTimeout(() => this.#next(), EVERY_MS) : undefined;
  }

  /** @returns whether there was anything to log. */
  #log(): boolean {
    if (this.#reason === undefined) return false;
    this.#warn(this.#sentence(this.#reason));
    this.#reason = undefined;
    this.#counts.clear();
    return true;
  }

  #sentence(reason: string): string {
    const counts = [...this.#counts];
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    const queues = counts.map(([queue, count]) => {
      const name = queue === undefined ? 'others' : `queue "${queue}"`;
      return counts.length === 1 ? name : `${count} from ${name}`;
    });
    const from = counts.length === 1 ? `from ${queues[0]}` : `(${queues.join(', ')})`;
    const shown = reason.length > MAX_REASON_CHARACTERS ? `${reason.slice(0, MAX_REASON_CHARACTERS)}…` : reason;
    const what = total === 1 ? 'Reason' : 'Reason of the first one';
    return `${counted(total, 'dead letter')} ${from}, stored in ${this.#table}. ${what}: ${shown}`;
  }
}
