import { describe, expect, it } from 'vitest';
import {
  formatOwner,
  GONE_AFTER_MS,
  isGone,
  newOwner,
  type Owner,
  parseOwner,
  startOf,
} from '../../../src/publisher/spool/owner.js';
import { formatName, parseName } from '../../../src/publisher/spool/segment-name.js';

const self: Owner = { pid: 4711, started: '5s1k9', boot: '1b6f0c2e', namespace: 't4c1q', publisher: 'x7qd' };
const runs = (started: string | undefined) => () => started;

describe('the owner of a segment', () => {
  it('is gone as soon as no process of this machine has its pid and its start', () => {
    const other = { ...self, pid: 4712, started: '5s1ka' };
    expect(isGone(other, self, 0, runs('5s1ka'))).toBe(false);
    expect(isGone(other, self, 10 * GONE_AFTER_MS, runs('5s1ka'))).toBe(false);
    expect(isGone(other, self, 0, runs(undefined))).toBe(true);
    // Another process has got its pid.
    expect(isGone(other, self, 0, runs('9zzzz'))).toBe(true);
  });

  it.each([
    ['another container', { namespace: 't4c1r' }],
    ['another machine, or before a restart of this one', { boot: '00000000' }],
    ['a system without /proc', { started: '0' }],
  ])('in %s is gone after a minute without a sign of life, whatever pids there are', (_, where) => {
    const other = { ...self, ...where };
    expect(isGone(other, self, GONE_AFTER_MS - 1, runs(undefined))).toBe(false);
    expect(isGone(other, self, GONE_AFTER_MS, runs('5s1k9'))).toBe(true);
  });

  it('in another thread of this process is gone after a minute without a sign of life', () => {
    const thread = { ...self, publisher: 'aaaa' };
    expect(isGone(thread, self, 0, runs(self.started))).toBe(false);
    expect(isGone(thread, self, GONE_AFTER_MS, runs(self.started))).toBe(true);
  });

  it('is this process for its own segments', () => {
    const own = newOwner();
    expect(own).toMatchObject({ pid: process.pid, started: startOf(process.pid) });
    expect(parseOwner(formatOwner(own))).toEqual(own);
    expect(isGone(own, newOwner(), 0)).toBe(false);
    expect(startOf(2 ** 22 + 1)).toBeUndefined();
  });
});

describe('the name of a segment', () => {
  it('tells the level, the order, the owner and what was confirmed', () => {
    const name = { level: 'ERROR' as const, number: 1_769_855_445_123, owner: formatOwner(self), start: 0 };
    expect(formatName(name)).toBe(
      'E.mh1v5p43.3mv-5s1k9-1b6f0c2e-t4c1q-x7qd.spool'.replace('mh1v5p43', name.number.toString(36)),
    );
    expect(parseName(formatName(name))).toEqual(name);
    expect(formatName({ ...name, start: 100 })).toMatch(/-x7qd\.2s\.spool$/);
    expect(parseName(formatName({ ...name, start: 100 }))).toEqual({ ...name, start: 100 });
  });

  it.each(['notes.txt', 'E.1.spool', 'X.1.free.spool', 'E..free.spool', 'E.1.fr ee.spool', 'E.1.free.spool.tmp'])(
    'is not %s',
    (file) => expect(parseName(file)).toBeUndefined(),
  );
});
