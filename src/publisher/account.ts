/**
 * Whose records a frame holds: integrations share a publisher, and its frames, but each says at its close what became of its
 * own. A frame has one share for each run of records of the same integration, nearly always a single one. Pure.
 */

/** What became of the records of one integration. */
export class Account {
  /** Kept, and not confirmed yet. */
  pending = 0;
  confirmed = 0;
  /** Given up at a close, or at the end of the script. */
  unsent = 0;
}

export interface Share {
  readonly account: Account;
  records: number;
}

/** Adds one record behind the others. */
export function addTo(shares: Share[], account: Account): void {
  const last = shares[shares.length - 1];
  if (last?.account === account) last.records++;
  else shares.push({ account, records: 1 });
}

/** The records have left the publisher. Dropped: to make room for others, or because the broker would never take them. */
export function settleShares(shares: readonly Share[], outcome: 'confirmed' | 'unsent' | 'dropped'): void {
  for (const { account, records } of shares) {
    account.pending -= records;
    if (outcome !== 'dropped') account[outcome] += records;
  }
}

/** Takes the shares of the first `records` records out of all of them. */
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
