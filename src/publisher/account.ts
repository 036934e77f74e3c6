/**
 * Which integration each record belongs to. Integrations share a publisher and its frames, but each reports at its close
 * what happened to its own records. A frame has one share for each run of records of one integration, nearly always a
 * single one. Pure.
 */

/** Counts of the records of one integration. */
export class Account {
  /** Not confirmed yet. */
  pending = 0;
  confirmed = 0;
  /** Dropped at a close, or at the end of the process, because they could not be written to disk. */
  unsent = 0;
}

export interface Share {
  readonly account: Account;
  records: number;
}

/** Adds one record after the others. */
export function addTo(shares: Share[], account: Account): void {
  const last = shares[shares.length - 1];
  if (last?.account === account) last.records++;
  else shares.push({ account, records: 1 });
}

/**
 * Counts records that have left the publisher. `dropped`: to make room for others, or because they are larger than the
 * broker allows.
 */
export function settleShares(shares: readonly Share[], outcome: 'confirmed' | 'unsent' | 'dropped'): void {
  for (const { account, records } of shares) {
    account.pending -= records;
    if (outcome !== 'dropped') account[outcome] += records;
  }
}

/** Adds the shares of records that come after the others. */
export function mergeShares(shares: Share[], added: readonly Share[]): void {
  for (const { account, records } of added) {
    const last = shares[shares.length - 1];
    if (last?.account === account) last.records += records;
    else shares.push({ account, records });
  }
}

/** Removes and returns the shares of the first `records` records. */
export function takeShares(shares: Share[], records: number): Share[] {
  const taken: Share[] = [];
  for (let left = records; left > 0 && shares[0]; ) {
    const first = shares[0];
    const count = Math.min(left, first.records);
    taken.push({ account: first.account, records: count });
    first.records -= count;
    left -= count;
    if (first.records === 0) shares.shift();
  }
  return taken;
}
