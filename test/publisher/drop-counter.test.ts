import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Level } from '../../src/level.js';
import { chooseVictim, DropCounter } from '../../src/publisher/drop-counter.js';
import { Account, BodyPool } from '../../src/publisher/frames.js';
import { FRAME_BYTES, Lane } from '../../src/publisher/lane.js';

function lane(level: Level, lines = 1): Lane {
  const made = new Lane('shop', level, Number.POSITIVE_INFINITY, new BodyPool(FRAME_BYTES, 0));
  for (let line = 0; line < lines; line++) made.add('x', 2, 0, new Account());
  return made;
}

describe('what goes when the buffer is full', () => {
  it('is a record of the lowest level that is kept', () => {
    const lanes = [lane('WARNING'), lane('DEBUG'), lane('INFO')];
    expect(chooseVictim(lanes, 'ERROR')?.level).toBe('DEBUG');
  });

  it('is the incoming record when it is lower than everything that is kept', () => {
    expect(chooseVictim([lane('ERROR'), lane('CRITICAL')], 'INFO')).toBeUndefined();
  });

  it('is the older one among records of the same level', () => {
    expect(chooseVictim([lane('INFO')], 'INFO')?.level).toBe('INFO');
  });

  it('is nothing that is in flight: the broker may have it', () => {
    const debug = lane('DEBUG');
    debug.cut(0);
    debug.take();
    expect(chooseVictim([debug, lane('INFO')], 'ERROR')?.level).toBe('INFO');
    expect(chooseVictim([debug], 'ERROR')).toBeUndefined();
  });
});

describe('the count of it', () => {
  const info = { service: 'shop', level: 'INFO' } as const;
  const error = { service: 'shop', level: 'ERROR' } as const;

  function useLedger() {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const told: string[] = [];
    return { told, ledger: new DropCounter((sentence) => told.push(sentence)) };
  }

  it('is kept by level and reason', () => {
    const { ledger } = useLedger();
    ledger.count(info, 'buffer full', 3);
    ledger.count(info, 'buffer full', 2);
    ledger.count(error, 'unsent at close', 1);
    expect(ledger.counts()).toEqual({ INFO: { 'buffer full': 5 }, ERROR: { 'unsent at close': 1 } });
    expect(ledger.total).toBe(6);
  });

  it('is reported immediately, then gathered, so that a flood does not flood stderr; nothing stays unreported', () => {
    const { told, ledger } = useLedger();
    ledger.count(info, 'buffer full', 1);
    for (let record = 0; record < 1000; record++) ledger.count(info, 'buffer full', 1);
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
    expect(told).toHaveLength(2);
    expect(told[1]).toContain('1000 (buffer full: shop INFO 1000); 1001 in total');
    vi.advanceTimersByTime(60_000);
    expect(told).toHaveLength(2);
  });

  it('is one sentence where it is held until all is known', () => {
    const { told, ledger } = useLedger();
    ledger.hold();
    ledger.count(info, 'unsent at close', 10);
    ledger.count(error, 'unsent at close', 2);
    ledger.count(info, 'logged after close', 3);
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
    ledger.report();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(
      'records dropped: 12 (unsent at close: shop INFO 10, shop ERROR 2), 3 (logged after close: shop INFO 3); 15 in total',
    );
  });

  it('of what is logged after close is gathered before it is reported', () => {
    const { told, ledger } = useLedger();
    for (let record = 0; record < 5; record++) ledger.count(info, 'logged after close', 1);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('5 (logged after close: shop INFO 5)');
  });

  it('is reported as it comes at the very end, when no timer runs any more, in few lines', () => {
    const { told, ledger } = useLedger();
    ledger.count(info, 'logged after close', 1);
    ledger.reportImmediately();
    expect(told).toHaveLength(1);
    ledger.count(info, 'logged after close', 1);
    expect(told).toHaveLength(2);
    for (let record = 0; record < 1000; record++) ledger.count(info, 'logged after close', 1);
    expect(told.length).toBeLessThan(13);
  });
});
