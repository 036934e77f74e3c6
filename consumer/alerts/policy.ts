/**
 * Decides when to report what. Pure.
 *
 * An error is reported individually when it first occurs, or recurs after not being reported for a day, within the
 * hourly limit. Further occurrences, and errors above the limit, wait for the digest, which is due an hour after the
 * first of them.
 */
import type { AlertEvent } from './event.js';
import type { ConditionNotice } from './notice.js';

export interface PolicySettings {
  /** Maximum number of errors reported individually per hour. */
  readonly maxPerHour: number;
  /** How long errors wait for the digest, and the minimum time between two digests, in milliseconds. */
  readonly digestMs: number;
  /**
   * Time since the last report of an error, individual or in a digest, before it is reported individually again, in
   * milliseconds.
   */
  readonly repeatMs: number;
}

/** An error not seen for this long is new. */
export const NEW_AFTER_MS = 7 * 24 * 3_600_000;

/** Unreported errors of one shape, service and level. */
export type PendingGroup = Omit<AlertEvent, 'example'> & {
  readonly isNew: boolean;
  /** Epoch milliseconds. */
  readonly pendingSinceMs: number;
  readonly notifiedAtMs: number | undefined;
  /** The hourly limit was reached when it occurred. */
  readonly digestOnly: boolean;
};

export interface PolicyState<Group extends PendingGroup = PendingGroup> {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** Most important first. */
  readonly groups: readonly Group[];
  /** Times of individual reports; only the last hour matters. */
  readonly individualNoticesMs: readonly number[];
  readonly lastDigestMs: number | undefined;
}

export interface Decision<Group extends PendingGroup = PendingGroup> {
  readonly individual: readonly Group[];
  /** Left for the digest because of the hourly limit. */
  readonly digestOnly: readonly Group[];
  /** Empty if no digest is due. */
  readonly digest: readonly Group[];
}

const HOUR_MS = 3_600_000;

export function decide<Group extends PendingGroup>(
  { nowMs, groups, individualNoticesMs, lastDigestMs }: PolicyState<Group>,
  { maxPerHour, digestMs, repeatMs }: PolicySettings,
): Decision<Group> {
  const recent = individualNoticesMs.filter((ms) => nowMs - ms < HOUR_MS).length;
  const isReportable = (group: Group) =>
    !group.digestOnly && (group.notifiedAtMs === undefined || nowMs - group.notifiedAtMs >= repeatMs);
  const reportable = groups.filter(isReportable);
  const individual = reportable.slice(0, Math.max(0, maxPerHour - recent));
  const isIndividual = new Set(individual);
  const rest = groups.filter((group) => !isIndividual.has(group));
  const oldestMs = Math.min(...rest.map(({ pendingSinceMs }) => pendingSinceMs));
  const isDue = nowMs - oldestMs >= digestMs && nowMs - (lastDigestMs ?? Number.NEGATIVE_INFINITY) >= digestMs;
  return { individual, digestOnly: reportable.slice(individual.length), digest: isDue ? rest : [] };
}

/** Current and last reported state of a problem of Loghive itself. */
export interface ConditionState {
  readonly key: string;
  /** Set while the problem lasts. */
  readonly active: { readonly sentence: string; readonly sinceMs: number } | undefined;
  /** The last notice about it. */
  readonly notified: { readonly content: ConditionNotice; readonly atMs: number } | undefined;
}

/** Minimum time between reports of a condition that comes and goes. */
const MIN_INTERVAL_MS = 10 * 60_000;

export function decideConditions(states: readonly ConditionState[], nowMs: number): ConditionNotice[] {
  return states.flatMap(({ key, active, notified }): ConditionNotice[] => {
    const isReported = notified?.content.kind === 'condition';
    if (active !== undefined && !isReported) {
      const isTooSoon = notified !== undefined && nowMs - notified.atMs < MIN_INTERVAL_MS;
      return isTooSoon ? [] : [conditionNotice(key, active)];
    }
    if (active === undefined && isReported) {
      return [{ ...notified.content, kind: 'recovered', until: new Date(nowMs).toISOString() }];
    }
    return [];
  });
}

export function conditionNotice(
  key: string,
  { sentence, sinceMs }: { readonly sentence: string; readonly sinceMs: number },
): ConditionNotice {
  return { kind: 'condition', key, sentence, since: new Date(sinceMs).toISOString() };
}
