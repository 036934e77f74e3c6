import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Level } from '../../src/level.js';
import { Account } from '../../src/publisher/account.js';
import { chooseVictim, DropCounter } from '../../src/publisher/drop-counter.js';
import { BodyPool } from '../../src/publisher/frames.js';
import { FRAME_BYTES, Lane } from '../../src/publisher/lane.js';

function lane(level: Level, lines = 1): Lane {
  const made = new Lane({
    service: 'shop',
    level,
    recordsPerMessage: Number.POSITIVE_INFINITY,
    bodies: new BodyPool(FRAME_BYTES, 0),
  });
  for (let line = 0; line < lines; line++) made.add('x', 2, 0, new Account());
  return made;
}

describe('the record that is dropped when the buffer is full', () => {
  it('has the lowest level in the buffer', () => {
    const lanes = [lane('WARNING'), lane('DEBUG'), lane('INFO')];
    expect(chooseVictim(lanes, 'ERROR')?.level).toBe('DEBUG');
  });

  it('is the new one if its level is lower than all levels in the buffer', () => {
    expect(chooseVictim([lane('ERROR'), lane('CRITICAL')], 'INFO')).toBeUndefined();
  });

  it('is the older one of two with the same level', () => {
    expect(chooseVictim([lane('INFO')], 'INFO')?.level).toBe('INFO');
  });

  it('is never in flight, because the broker may have it already', () => {
    const debug = lane('DEBUG');
    debug.cut();
    debug.take();
    expect(chooseVictim([debug, lane('INFO')], 'ERROR')?.level).toBe('INFO');
    expect(chooseVictim([debug], 'ERROR')).toBeUndefined();
  });
});

describe('the count of dropped records', () => {
  const info = { service: 'shop', level: 'INFO' } as const;
  const error = { service: 'shop', level: 'ERROR' } as const;

  function useCounter() {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const reports: string[] = [];
    return { reports, counter: new DropCounter((sentence) => reports.push(sentence)) };
  }

  it('is kept by level and reason', () => {
    const { counter } = useCounter();
    counter.count(info, 'buffer full', 3);
    counter.count(info, 'buffer full', 2);
    counter.count(error, 'unsent at close', 1);
    expect(counter.counts()).toEqual({ INFO: { 'buffer full': 5 }, ERROR: { 'unsent at close': 1 } });
    expect(counter.total).toBe(6);
  });

  it('is reported immediately, then summed up every ten seconds, so that no record stays unreported', () => {
    const { reports, counter } = useCounter();
    counter.count(info, 'buffer full', 1);
    for (let record = 0; record < 1000; record++) counter.count(info, 'buffer full', 1);
    expect(reports).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
    expect(reports).toHaveLength(2);
    expect(reports[1]).toContain('1000 (buffer full: shop INFO 1000); 1001 in total');
    vi.advanceTimersByTime(60_000);
    expect(reports).toHaveLength(2);
  });

  it('is reported in one sentence if it is held back until all is known', () => {
    const { reports, counter } = useCounter();
    counter.hold();
    counter.count(info, 'unsent at close', 10);
    counter.count(error, 'unsent at close', 2);
    counter.count(info, 'logged after close', 3);
    vi.advanceTimersByTime(60_000);
    expect(reports).toEqual([]);
    counter.report();
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain(
      'records dropped: 12 (unsent at close: shop INFO 10, shop ERROR 2), 3 (logged after close: shop INFO 3); 15 in total',
    );
  });

  it('is summed up for a second before it is reported if the records were logged after close', () => {
    const { reports, counter } = useCounter();
    for (let record = 0; record < 5; record++) counter.count(info, 'logged after close', 1);
    expect(reports).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain('5 (logged after close: shop INFO 5)');
  });

  it('is reported immediately at exit, when no timer runs any more, and in few lines', () => {
    const { reports, counter } = useCounter();
    counter.count(info, 'logged after close', 1);
    counter.reportImmediately();
    expect(reports).toHaveLength(1);
    counter.count(info, 'logged after close', 1);
    expect(reports).toHaveLength(2);
    for (let record = 0; record < 1000; record++) counter.count(info, 'logged after close', 1);
    expect(reports.length).toBeLessThan(13);
  });
});
