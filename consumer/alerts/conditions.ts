/** What is wrong with Loghive itself: when it is told, and when that it is over. Pure. */
import type { ConditionState } from '../store/alert-database.js';
import type { ConditionNotice } from './notice.js';

/** What comes and goes is told once in so long. */
const LEAST_BETWEEN_MS = 10 * 60_000;

export function decideConditions(states: readonly ConditionState[], nowMs: number): ConditionNotice[] {
  return states.flatMap(({ key, active, told }): ConditionNotice[] => {
    const isTold = told?.content.kind === 'condition';
    if (active !== undefined && !isTold) {
      const isTooSoon = told !== undefined && nowMs - told.atMs < LEAST_BETWEEN_MS;
      return isTooSoon ? [] : [conditionNotice(key, active)];
    }
    if (active === undefined && isTold) {
      return [{ ...told.content, kind: 'recovered', until: new Date(nowMs).toISOString() }];
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
