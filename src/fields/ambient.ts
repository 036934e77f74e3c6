/** Fields that are not passed in the call: of the context, the trace and the process, in this order of precedence. */
import { contextMembers } from './context.js';
import { joinMembers, type Member } from './member.js';
import { traceMembers } from './trace.js';

/** @param base the base fields of the integration: usually `hostname` and `pid`. */
export function ambientMembers(base: readonly Member[]): readonly Member[] {
  return joinMembers(contextMembers(), joinMembers(traceMembers(), base));
}
