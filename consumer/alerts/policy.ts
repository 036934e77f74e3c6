/**
 * When what is told. Pure.
 *
 * An error is told by itself when it comes for the first time, or again after it was not told for a day, as long as the
 * hour has room for it. Whatever else comes of it, and what had no room, waits for the digest, which is due an hour after
 * the first record of that kind.
 */
import type { AlertEvent } from './event.js';

export interface PolicySettings {
  /** Errors that are told by themselves within an hour. */
  readonly maxPerHour: number;
  /** How long what is not told by itself waits for the digest, and the least time between two digests. */
  readonly digestMs: number;
  /** An error that was told is not told by itself again before it was untold for so long. */
  readonly repeatMs: number;
}

/** Where it was not seen for so long before, an error is new. */
export const NEW_AFTER_MS = 7 * 24 * 3_600_000;

/** What of one shape, service and level was not told yet. */
export type UntoldGroup = Omit<AlertEvent, 'example'> & {
  readonly isNew: boolean;
  /** Epoch milliseconds. */
  readonly untoldSinceMs: number;
  readonly toldAtMs: number | undefined;
  /** It came when the hour had no room for it. */
  readonly digestOnly: boolean;
};

export interface PolicyState<Group extends UntoldGroup = UntoldGroup> {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** Those that matter most first. */
  readonly groups: readonly Group[];
  /** When errors were told by themselves: those of the last hour are enough. */
  readonly toldAloneMs: readonly number[];
  readonly lastDigestMs: number | undefined;
}

export interface Decision<Group extends UntoldGroup = UntoldGroup> {
  readonly alone: readonly Group[];
  /** Goes with the digest: the hour has no room for it. */
  readonly digestOnly: readonly Group[];
  /** Empty: no digest now. */
  readonly digest: readonly Group[];
}

const HOUR_MS = 3_600_000;

export function decide<Group extends UntoldGroup>(
  { nowMs, groups, toldAloneMs, lastDigestMs }: PolicyState<Group>,
  { maxPerHour, digestMs, repeatMs }: PolicySettings,
): Decision<Group> {
  const told = toldAloneMs.filter((ms) => nowMs - ms < HOUR_MS).length;
  const mayBeAlone = (group: Group) =>
    !group.digestOnly && (group.toldAtMs === undefined || nowMs - group.toldAtMs >= repeatMs);
  const wanted = groups.filter(mayBeAlone);
  const alone = wanted.slice(0, Math.max(0, maxPerHour - told));
  const isAlone = new Set(alone);
  const rest = groups.filter((group) => !isAlone.has(group));
  const oldestMs = Math.min(...rest.map(({ untoldSinceMs }) => untoldSinceMs));
  const isDue = nowMs - oldestMs >= digestMs && nowMs - (lastDigestMs ?? Number.NEGATIVE_INFINITY) >= digestMs;
  return { alone, digestOnly: wanted.slice(alone.length), digest: isDue ? rest : [] };
}
