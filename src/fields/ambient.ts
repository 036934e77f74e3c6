/** Fields from the surroundings of a call. The nearest wins: the context, then the trace, then the process. */
import { contextMembers } from './context.js';
import { joinMembers, type Member } from './member.js';
import { traceMembers } from './trace.js';

/** @param base the base fields of the integration: usually `hostname` and `pid`. */
export function ambientMembers(base: readonly Member[]): readonly Member[] {
  return joinMembers(contextMembers(), joinMembers(traceMembers(), base));
}
