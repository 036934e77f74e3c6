import { describe, expect, it } from 'vitest';
import type { Level } from '../../src/level.js';
import { BodyPool } from '../../src/publisher/body-pool.js';
import { FRAME_BYTES, Lane } from '../../src/publisher/lane.js';
import { chooseVictim, ShedLedger } from '../../src/publisher/shed.js';

function lane(level: Level, lines = 1): Lane {
  const made = new Lane('shop', level, Number.POSITIVE_INFINITY, new BodyPool(FRAME_BYTES, 0));
  for (let line = 0; line < lines; line++) made.add('x', 2, 0);
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
  it('is kept by level and reason', () => {
    const ledger = new ShedLedger(() => {});
    ledger.count('INFO', 'buffer full', 3);
    ledger.count('INFO', 'buffer full', 2);
    ledger.count('ERROR', 'unsent at close', 1);
    expect(ledger.counts()).toEqual({ INFO: { 'buffer full': 5 }, ERROR: { 'unsent at close': 1 } });
    expect(ledger.total).toBe(6);
  });

  it('is told at once, then gathered, so that a flood does not flood stderr', () => {
    const told: string[] = [];
    const ledger = new ShedLedger((sentence) => told.push(sentence));
    ledger.count('INFO', 'buffer full', 1);
    for (let record = 0; record < 1000; record++) ledger.count('INFO', 'buffer full', 1);
    expect(told).toHaveLength(1);
    ledger.tell();
    expect(told[1]).toContain('1000 (buffer full); 1001 in all');
  });
});
