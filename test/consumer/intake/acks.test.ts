import { describe, expect, it } from 'vitest';
import { AckLedger } from '../../../consumer/intake/acks.js';

function ledgerOf(count: number): AckLedger {
  const ledger = new AckLedger();
  for (let tag = 1; tag <= count; tag++) ledger.delivered(tag);
  return ledger;
}

describe('acknowledgements', () => {
  it('of a complete run are sent as one', () => {
    expect(ledgerOf(5).finished([1, 2, 3])).toEqual([{ tag: 3, multiple: true }]);
  });

  it('never include a message that is not finished', () => {
    const ledger = ledgerOf(5);
    expect(ledger.finished([1, 3, 4])).toEqual([
      { tag: 1, multiple: false },
      { tag: 3, multiple: false },
      { tag: 4, multiple: false },
    ]);
    expect(ledger.finished([2, 5])).toEqual([{ tag: 5, multiple: true }]);
  });

  it('use only tags of this call, in any order of finishing', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const ledger = ledgerOf(30);
      const open = new Set(Array.from({ length: 30 }, (_, index) => index + 1));
      const acked = new Set<number>();
      let state = seed;
      const random = () => {
        state = (state * 1103515245 + 12345) % 2147483648;
        return state / 2147483648;
      };
      while (open.size > 0) {
        const tags = [...open].filter(() => random() < 0.3);
        for (const tag of tags) open.delete(tag);
        for (const ack of ledger.finished(tags)) {
          expect(tags).toContain(ack.tag);
          const covered = ack.multiple ? Array.from({ length: ack.tag }, (_, index) => index + 1) : [ack.tag];
          for (const tag of covered) acked.add(tag);
        }
        for (const tag of open) expect(acked.has(tag)).toBe(false);
        for (const tag of tags) expect(acked.has(tag)).toBe(true);
      }
    }
  });
});
