/** What surrounds a call. What is nearer to it wins: the context, the trace, the process. */
import { contextMembers } from './context.js';
import { joinMembers, type Member } from './member.js';
import { traceMembers } from './trace.js';

/** @param base of the door: usually `hostname` and `pid`. */
export function ambientMembers(base: readonly Member[]): readonly Member[] {
  return joinMembers(contextMembers(), joinMembers(traceMembers(), base));
}
