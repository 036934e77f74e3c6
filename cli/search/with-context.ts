/** Adds the records of the same service before and after each match, each record once, as `grep -C` does. */
import type { Surroundings } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';
import type { Order } from './record-batches.js';

export interface Shown {
  readonly record: StoredRecord;
  readonly role: 'match' | 'context';
  /** There may be other records between this one and the one before it. */
  readonly isApart: boolean;
}

/** @returns a function for the batches of a search, in their order. It yields what is shown for each match. */
export function withContext(
  surroundings: (record: StoredRecord) => Promise<Surroundings>,
  count: number,
  order: Order,
): (matches: readonly StoredRecord[]) => AsyncGenerator<readonly Shown[], void, undefined> {
  if (count === 0) {
    return async function* (matches) {
      yield matches.map((record): Shown => ({ record, role: 'match', isApart: false }));
    };
  }
  const seen = new Set<string>();
  let lastWindow: ReadonlySet<string> | undefined;
  return async function* (matches) {
    const matching = new Set(matches.map(({ id }) => id));
    for (const match of matches) {
      const shown: Shown[] = [];
      const { before, after } = await surroundings(match);
      const window = [...before, match, ...after];
      if (order === 'newest-first') window.reverse();
      const isTogether = lastWindow === undefined || window.some(({ id }) => lastWindow?.has(id));
      const fresh = window.filter(({ id }) => !seen.has(id));
      for (const [at, record] of fresh.entries()) {
        seen.add(record.id);
        shown.push({ record, role: matching.has(record.id) ? 'match' : 'context', isApart: at === 0 && !isTogether });
      }
      lastWindow = new Set(window.map(({ id }) => id));
      if (shown.length > 0) yield shown;
    }
  };
}
