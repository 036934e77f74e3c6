/** Indexes of the records table, from arguments, the environment and `config.env`. Default: unchanged. */
import { booleanText, type Check, Expected, type Values } from '../src/settings/option.js';
import { cleanText } from '../src/value/safe-text.js';

/**
 * In the form that the store expects. A separate type, because applications compile against the option types, which
 * must not depend on the store.
 */
export interface IndexSettings {
  /** Whether `information` as a whole is indexed; undefined: unchanged. */
  readonly information: boolean | undefined;
  /** Fields with their own index, each as the path of names that leads to it. */
  readonly fields: ReadonlyArray<readonly string[]>;
}

/** Maximum number of fields: each index makes every insert slower. */
const MOST_FIELDS = 10;
const LONGEST_FIELD = 200;

const onOrOff: Check<boolean | undefined> = (value) => {
  if (typeof value === 'boolean') return value;
  throw new Expected('true or false (in the environment: on or off)');
};

const fieldList: Check<readonly string[]> = (value) => {
  if (!Array.isArray(value) || value.length > MOST_FIELDS || !value.every(isField)) {
    throw new Expected(
      `a list of at most ${MOST_FIELDS} names of fields of information, such as requestId,order.id (a dot separates nested names)`,
    );
  }
  return Object.freeze([...new Set(value)]);
};

function isField(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > LONGEST_FIELD) return false;
  // PostgreSQL accepts no other text.
  return cleanText(value) === value && value.split('.').every((name) => name.trim() !== '');
}

export const indexOptions = {
  indexInformation: { check: onOrOff, fallback: undefined, env: ['INDEX_INFORMATION'], parse: booleanText },
  indexFields: {
    check: fieldList,
    fallback: Object.freeze([]) as readonly string[],
    env: ['INDEX_FIELDS'],
    parse: (text: string) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
  },
} as const;

export function indexSettings({ indexInformation, indexFields }: Values<typeof indexOptions>): IndexSettings {
  return Object.freeze({
    information: indexInformation,
    fields: Object.freeze(indexFields.map((field) => Object.freeze(field.split('.')))),
  });
}
