/** Status texts of `loghive consume`: one line per minute for log files, one for a terminal. Pure. */
import type { ConsumerStatus } from '../../consumer/status.js';
import { counted } from '../../src/sentence.js';

/** Formats numbers with separators: 1,234,567. */
const number = new Intl.NumberFormat('en').format;

/** Status at a point in time, in milliseconds of a monotonic clock. */
export interface Snapshot {
  readonly atMs: number;
  readonly status: ConsumerStatus;
}

/** Whether any count changed between the two snapshots. */
export function hasWorked(before: Snapshot, now: Snapshot): boolean {
  const [then, since] = [before.status.counts, now.status.counts];
  return (Object.keys(since) as Array<keyof typeof since>).some((name) => since[name] !== then[name]);
}

/** The log line written each minute. */
export function minuteLine(before: Snapshot, now: Snapshot): string {
  const { counts, inHand, services, workers } = now.status;
  const since = (name: keyof typeof counts) => counts[name] - before.status.counts[name];
  const seconds = Math.max(1, Math.round((now.atMs - before.atMs) / 1000));
  const stored = since('stored');
  const words = [
    `${counted(stored, 'record')} stored in ${seconds} s (${number(Math.round(stored / seconds))}/s)`,
    ...(since('duplicates') > 0 ? [`${number(since('duplicates'))} already stored`] : []),
    ...(since('expired') > 0 ? [`${number(since('expired'))} expired`] : []),
    ...(since('retried') > 0 ? [`${number(since('retried'))} retried`] : []),
    ...(since('deadLetters') > 0 ? [counted(since('deadLetters'), 'dead letter')] : []),
    `${counted(inHand, 'unacknowledged message')}`,
    `${counted(services.length, 'service')}`,
    ...(workers.length > 1 ? [`${counted(workers.length, 'worker')}`] : []),
  ];
  return `${troubleOf(now.status)}${words.join(', ')}`;
}

function troubleOf({ state, reason, storage }: ConsumerStatus): string {
  const [what, why] = state === 'running' && !storage.isUp ? ['cannot store', storage.reason] : [state, reason];
  if (what === 'running') return '';
  return `${what}${why ? ` (${why})` : ''}: `;
}

/** The current status for a terminal, no wider than `columns`. */
export function statusLine(before: Snapshot, now: Snapshot, columns: number): string {
  const { counts, health, state, inHand, services, workers, notices } = now.status;
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const rate = Math.round((counts.stored - before.status.counts.stored) / seconds);
  const words = [
    state === 'running' ? health : state,
    `${number(rate)} records/s`,
    `${number(counts.stored)} stored`,
    ...(counts.deadLetters > 0 ? [counted(counts.deadLetters, 'dead letter')] : []),
    `${number(inHand)} unacknowledged`,
    counted(services.length, 'service'),
    counted(workers.length, 'worker'),
    ...(notices.length > 0 ? [counted(notices.length, 'notice')] : []),
  ];
  const line = words.join(' · ');
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
}
