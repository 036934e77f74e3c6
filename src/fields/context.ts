/**
 * Fields for every record that is logged within a function and in what that starts, such as the id of the request that
 * is being answered.
 *
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { LoghiveError } from '../errors.js';
import { isOptions, kindOf } from '../settings/option.js';
import { joinMembers, type Member, membersOf } from './member.js';

type Storage = AsyncLocalStorage<readonly Member[]>;

/** On a registered symbol, so that the import and the require copy of this package have the same contexts. */
const KEY = Symbol.for('loghive.context.1');
const holder = globalThis as { [KEY]?: Storage };
const NONE: readonly Member[] = [];

/**
 * Runs a function, and puts these fields into `information` of every record that is logged within it, also after an
 * `await` or in a timer that it starts, whichever door the record takes. Contexts inside each other add up; the inner one
 * wins, and what the record itself was logged with wins over both. Objects are written as they are when a record is
 * logged.
 *
 * @param fields such as `{ requestId }`.
 * @returns what the function returns.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when the fields are no object or there is no function.
 * @example
 * app.use((request, _response, next) => withContext({ requestId: request.id }, next));
 */
export function withContext<Result>(fields: object, run: () => Result): Result {
  if (!isOptions(fields)) throw misused(`the fields are ${kindOf(fields)}, expected an object such as { requestId }`);
  if (typeof run !== 'function') throw misused(`it is to run ${kindOf(run)}, expected a function`);
  holder[KEY] ??= new AsyncLocalStorage();
  return holder[KEY].run(joinMembers(membersOf(fields), contextMembers()), run);
}

/** The fields of the contexts that the caller runs in, the innermost first. */
export function contextFields(): Record<string, unknown> {
  return Object.fromEntries(contextMembers().map(({ name, value }) => [name, value]));
}

export function contextMembers(): readonly Member[] {
  return holder[KEY]?.getStore() ?? NONE;
}

function misused(reason: string): LoghiveError {
  return new LoghiveError('LOGHIVE_INVALID_OPTION', `withContext: ${reason}.`);
}
