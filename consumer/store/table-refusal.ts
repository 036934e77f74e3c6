/** Tables that records do not depend on: where one of them says no, that is an answer, and no reason to pause. Pure. */
import { sqlStateOf } from './storage-fault.js';

/** Classes of SQLSTATE that speak of the server or the session, not of a statement and what it touches. */
const OF_THE_SERVER = /^(?:08|25|28|3D|40|53|57P|58)/;

/** Whether it was the table that a statement touches, and not the server. */
export function isOfTable(error: unknown): boolean {
  const sqlstate = sqlStateOf(error);
  return sqlstate !== undefined && !OF_THE_SERVER.test(sqlstate);
}
