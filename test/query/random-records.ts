/** Random records and queries that have a good chance to match some of them. */
import fc from 'fast-check';
import { LEVELS, type Level } from '../../src/level.js';
import type { StoredRecord } from '../../src/record.js';
import { uuidv7 } from '../../src/uuid.js';

const SERVICES = ['shop', 'till', "o'brien; drop table records", 'a"b\\c', 'ünï-100%'];
const WORDS = [
  'card',
  'Refused',
  '100%',
  'a_b',
  'C:\\temp',
  "it's",
  'a␀b',
  '10.0.0.7',
  'line\nbreak',
  '😀',
  '$1',
  '--',
  '"q"',
  '(x)',
  'card refused',
];
const NAMES = ['order', 'id', 'a.b', 'tookMs', 'weird "name"', "na'me", '$', '__proto__', 'tags', 'requestId', 'level'];
const NUMBERS = [
  '0',
  '7',
  '-7',
  '7.0',
  '7.50',
  '500',
  '1e3',
  '1E-7',
  '9007199254740993',
  '9007199254740992',
  '123456789012345678901234567890',
  '-0',
  '1e400',
  '0.1',
];
const TEXTS = ['7', '7.0', 'true', 'null', 'c-12', 'C-12', '', 'b', "o'x", '\\', '%', '"', '😀', 'ﬀ', '500', '\ue000'];

const { json: informationValue } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...NUMBERS),
    fc.constantFrom(...TEXTS).map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'false', 'null', '[]', '{}'),
    fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    objectOf(tie('json')),
  ),
}));

function objectOf(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 4 })
    .map((members) => `{${members.map(([name, json]) => `${JSON.stringify(name)}: ${json}`).join(', ')}}`);
}

let made = 0;

/** Times repeat, so that ids decide about the order. */
export const randomRecord: fc.Arbitrary<StoredRecord> = fc.record({
  id: fc.constant(0).map(() => uuidv7(Date.UTC(2026, 0, 31) * 1000 + made++)),
  timestamp: fc.integer({ min: 0, max: 59 }).map((s) => `2026-01-31T10:30:${String(s).padStart(2, '0')}.123456Z`),
  service: fc.constantFrom(...SERVICES),
  level: fc.constantFrom<Level>(...LEVELS),
  message: fc.array(fc.constantFrom(...WORDS), { maxLength: 4 }).map((words) => words.join(' ')),
  information: objectOf(informationValue),
});

const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const value = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.constantFrom(...TEXTS, ...SERVICES).map(quoted),
  fc.constantFrom('true', 'false', 'null', 'c-12', 'b'),
);
const name = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((names) => names.map(quoted).join('.'));
const comparison = fc.constantFrom('>', '>=', '<', '<=', ':>', ':<=');
const pattern = fc.constantFrom(
  '/card/',
  '/CARD/i',
  '/^card$/',
  '/a.b/',
  '/re.*fu/',
  '/\\d+/',
  '/[^a-z]/',
  '/\\bcard\\b/',
  '/(a|b)+x?/',
  '/\\$1|--/',
  '/😀/',
  '/c-\\d{2}/i',
  '/\\s/',
  '/^$/',
  '/[\\]\\\\%]/',
  '/\\./',
);

const term = fc.oneof(
  fc.constantFrom(...WORDS).map(quoted),
  pattern,
  fc
    .tuple(
      fc.constantFrom(':', '>=', '<', '!=', '<=', '>'),
      fc.constantFrom('debug', 'info', 'Warning', 'error', 'critical'),
    )
    .map(([operator, level]) => `level${operator}${level}`),
  fc
    .array(fc.constantFrom(...SERVICES).map(quoted), { minLength: 1, maxLength: 2 })
    .map((services) => `service:${services.join(',')}`),
  pattern.map((each) => `service:${each}`),
  fc
    .tuple(name, fc.array(value, { minLength: 1, maxLength: 3 }))
    .map(([field, values]) => `${field}:${values.join(',')}`),
  fc.tuple(name, value).map(([field, other]) => `${field}!=${other}`),
  fc.tuple(name, comparison, value).map(([field, operator, other]) => `${field}${operator}${other}`),
  fc.tuple(name, pattern).map(([field, each]) => `${field}:${each}`),
  name.map((field) => `exists:${field}`),
  value.map((id) => `id:${id}`),
);

/** A query of the language. */
export const randomQuery: fc.Arbitrary<string> = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    term,
    tie('query').map((query) => `-(${query})`),
    fc.tuple(tie('query'), tie('query')).map(([one, other]) => `(${one}) ${other}`),
    fc.tuple(tie('query'), tie('query')).map(([one, other]) => `(${one} or ${other})`),
  ),
})).query;
