/** The error of a query that cannot be parsed. Pure. */
import { LoghiveError } from '../src/errors.js';

/** A LoghiveError with code LOGHIVE_INVALID_QUERY. */
export type InvalidQuery = LoghiveError & {
  /** What is wrong, without the position. */
  readonly reason: string;
  /** Index of the first character that is wrong, in UTF-16 units. The length of the query if something is missing. */
  readonly start: number;
  /** Index after the last one; greater than `start`. */
  readonly end: number;
};

export function invalidQuery(reason: string, start: number, end: number): InvalidQuery {
  const error = new LoghiveError('LOGHIVE_INVALID_QUERY', `the query is invalid at character ${start + 1}: ${reason}`);
  return Object.assign(error, { reason, start, end: Math.max(end, start + 1) });
}

export function isInvalidQuery(error: unknown): error is InvalidQuery {
  return error instanceof LoghiveError && error.code === 'LOGHIVE_INVALID_QUERY';
}
