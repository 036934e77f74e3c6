/**
 * Fields for every record that is logged within a function and in everything that it starts, such as the id of the
 * current request.
 *
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { LoghiveError } from '../errors.js';
import { isOptions, kindOf } from '../settings/option.js';
import { joinMembers, type Member, membersOf } from './member.js';

type Storage = AsyncLocalStorage<readonly Member[]>;

/** On a registered symbol, so that the import and the require copy of this package share the contexts. */
const KEY = Symbol.for('loghive.context.1');
const holder = globalThis as { [KEY]?: Storage };
const NONE: readonly Member[] = [];

/**
 * Runs a function, and adds these fields to the `information` of every record that is logged within it, also after an
 * `await` or in a timer that it starts, through any integration in the same thread. Nested contexts add up. An inner
 * context takes precedence over an outer one, and the fields of the record over both. Objects are recorded as they are
 * when a record is logged.
 *
 * @param fields such as `{ requestId }`.
 * @returns the result of the function.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if the fields are not an object, or `run` is not a function.
 * @example
 * app.use((request, _response, next) => withContext({ requestId: request.id }, next));
 */
export function withContext<Result>(fields: object, run: () => Result): Result {
  if (!isOptions(fields)) throw misused(`the fields are ${kindOf(fields)}, expected an object such as { requestId }`);
  if (typeof run !== 'function') throw misused(`the second argument is ${kindOf(run)}, expected a function`);
  holder[KEY] ??= new AsyncLocalStorage();
  return holder[KEY].run(joinMembers(membersOf(fields), contextMembers()), run);
}

/** The fields of all contexts that the caller runs in. Inner ones take precedence. */
export function contextFields(): Record<string, unknown> {
  return Object.fromEntries(contextMembers().map(({ name, value }) => [name, value]));
}

export function contextMembers(): readonly Member[] {
  return holder[KEY]?.getStore() ?? NONE;
}

function misused(reason: string): LoghiveError {
  return new LoghiveError('LOGHIVE_INVALID_OPTION', `withContext: ${reason}.`);
}
