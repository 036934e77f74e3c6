import { expect, test } from 'vitest';
import { decide, decideConditions, type PendingGroup, type PolicyState } from '../../../consumer/alerts/policy.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.parse('2026-01-31T10:00:00Z');
const settings = { maxPerHour: 2, digestMs: HOUR, repeatMs: 24 * HOUR };

function group(shape: string, changes: Partial<PendingGroup> = {}): PendingGroup {
  return {
    ...{ shape, title: shape, service: 'shop', level: 'ERROR', records: 1, isNew: true, digestOnly: false },
    ...{ first: '2026-01-31T09:59:59.000000Z', last: '2026-01-31T09:59:59.000000Z' },
    ...{ pendingSinceMs: NOW - 1000, notifiedAtMs: undefined },
    ...changes,
  };
}

function decided(groups: PendingGroup[], state: Partial<PolicyState> = {}) {
  const { individual, digestOnly, digest } = decide(
    { nowMs: NOW, groups, individualNoticesMs: [], lastDigestMs: undefined, ...state },
    settings,
  );
  const names = (some: readonly PendingGroup[]) => some.map(({ shape }) => shape).join(' ');
  return [names(individual), names(digestOnly), names(digest)];
}

test('a new error is reported individually and immediately', () => {
  expect(decided([group('a')])).toEqual(['a', '', '']);
});

test('further occurrences wait for the digest', () => {
  const again = group('a', { notifiedAtMs: NOW - 2000, isNew: false });
  expect(decided([again], { individualNoticesMs: [NOW - 2000] })).toEqual(['', '', '']);
  expect(decided([{ ...again, pendingSinceMs: NOW - HOUR }])).toEqual(['', '', 'a']);
});

test('with a limit of two, the others go into the digest and are not reported individually later', () => {
  expect(decided([group('a'), group('b'), group('c')])).toEqual(['a b', 'c', '']);
  const left = group('c', { digestOnly: true });
  expect(decided([left], { individualNoticesMs: [NOW - 2 * HOUR] })).toEqual(['', '', '']);
  expect(decided([{ ...left, pendingSinceMs: NOW - HOUR }, group('d')])).toEqual(['d', '', 'c']);
});

test('a digest includes recent errors, and the next one waits for its interval', () => {
  const old = group('a', { notifiedAtMs: NOW - HOUR, pendingSinceMs: NOW - HOUR });
  const fresh = group('b', { notifiedAtMs: NOW - MINUTE });
  expect(decided([old, fresh])).toEqual(['', '', 'a b']);
  expect(decided([old, fresh], { lastDigestMs: NOW - 59 * MINUTE })).toEqual(['', '', '']);
});

test('an error not reported for a day is reported individually again', () => {
  expect(decided([group('a', { notifiedAtMs: NOW - 24 * HOUR, isNew: false })])).toEqual(['a', '', '']);
  expect(decided([group('a', { notifiedAtMs: NOW - 23 * HOUR, isNew: false })])).toEqual(['', '', '']);
});

test('only the mails of the last hour count', () => {
  expect(decided([group('a')], { individualNoticesMs: [NOW - 59 * MINUTE, NOW - 61 * MINUTE] })).toEqual(['a', '', '']);
  expect(decided([group('a')], { individualNoticesMs: [NOW - 59 * MINUTE, NOW - MINUTE] })).toEqual(['', 'a', '']);
});

test('a limit of zero means digests only', () => {
  const { individual, digestOnly } = decide(
    { nowMs: NOW, groups: [group('a')], individualNoticesMs: [], lastDigestMs: undefined },
    { ...settings, maxPerHour: 0 },
  );
  expect([individual.length, digestOnly.length]).toEqual([0, 1]);
});

const active = { sentence: 'PostgreSQL is down', sinceMs: NOW - MINUTE };
const noticeAt = (kind: 'condition' | 'recovered', ago: number) => ({
  content: { kind, key: 'k', sentence: 'PostgreSQL is down', since: '2026-01-31T09:00:00.000Z' },
  atMs: NOW - ago,
});
const kinds = (state: { active?: typeof active; notified?: ReturnType<typeof noticeAt> }) =>
  decideConditions([{ key: 'k', active: state.active, notified: state.notified }], NOW).map(({ kind }) => kind);

test('a condition is reported once, and once when it is resolved', () => {
  expect(kinds({ active })).toEqual(['condition']);
  expect(kinds({ active, notified: noticeAt('condition', 1000) })).toEqual([]);
  expect(kinds({ notified: noticeAt('condition', 1000) })).toEqual(['recovered']);
  expect(kinds({ notified: noticeAt('recovered', 1000) })).toEqual([]);
});

test('a recurring condition is reported again after ten minutes if it is still active', () => {
  expect(kinds({ active, notified: noticeAt('recovered', 9 * MINUTE) })).toEqual([]);
  expect(kinds({ active, notified: noticeAt('recovered', 10 * MINUTE) })).toEqual(['condition']);
});
