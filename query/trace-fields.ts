/** The setting for the fields that `id:` and `trace:` look at. */
import { warnOnce } from '../src/config.js';
import { fieldNames, fieldNamesText } from '../src/settings/field-names.js';
import { type Environment, resolveOptions } from '../src/settings/option.js';
import { TRACE_FIELDS } from './parse.js';

export interface QueryOptions {
  /**
   * Fields of `information` that `id:` and `trace:` look at, besides `requestId`, `reqId`, `request_id`, `req.id`,
   * `trace_id`, `traceId`, `id` and `trace`. Environment: `LOGHIVE_TRACE_FIELDS`. Default: none.
   */
  traceFields?: readonly string[] | undefined;
}

/** Each field is one more condition of `trace:`. */
const MAX_FIELDS = 20;

export const queryOptions = {
  traceFields: {
    check: fieldNames(MAX_FIELDS),
    fallback: Object.freeze([]) as readonly string[],
    env: ['LOGHIVE_TRACE_FIELDS'],
    parse: fieldNamesText,
  },
} as const;

/** All of them, for `parseQuery`. A wrong setting causes a warning. */
export function traceFieldsOf(environment: Environment): readonly string[] {
  const { traceFields } = resolveOptions('query', queryOptions, {}, environment, warnOnce);
  return [...new Set([...TRACE_FIELDS, ...traceFields])];
}
