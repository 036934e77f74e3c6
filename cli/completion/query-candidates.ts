/** What the last condition of a query can become. */
import { type Unfinished, unfinishedPart } from '../../query/unfinished.js';
import { LEVELS } from '../../src/level.js';
import { printableLine } from '../../src/printable.js';
import type { Candidate } from './candidate.js';
import type { KnownNames } from './known-names.js';

/** The names that the language itself knows, with what follows them. */
const BUILT_IN: readonly Candidate[] = [
  { word: 'level:', description: 'one level, or several: level:error,critical' },
  { word: 'level>=', description: 'a level, and what is more severe' },
  { word: 'service:', description: 'one service, or several: service:shop,till' },
  { word: 'trace:', description: 'id of a trace or a request, whatever its field is called' },
  { word: 'exists:', description: 'records that have a field' },
  { word: 'message:', description: 'text in the message' },
];
/** Fields of these names are written with `information.` in front. */
const COLUMNS: ReadonlySet<string> = new Set(['level', 'service', 'message', 'exists']);

/** @param query the word up to the cursor. */
export async function queryCandidates(query: string, names: KnownNames): Promise<Candidate[]> {
  const last = unfinishedPart(query);
  if (last === undefined) return [];
  const candidates =
    last.type === 'name' ? await nameCandidates(last.typed, names) : await valueCandidates(last, names);
  const before = query.slice(0, last.start);
  const condition = last.type === 'name' ? '' : `${last.field}${last.operator}`;
  return candidates.map((each) => ({ ...each, word: before + each.word, shown: condition + each.word }));
}

async function nameCandidates(typed: string, names: KnownNames): Promise<Candidate[]> {
  const fields = await fieldNames(typed, names);
  return [...BUILT_IN, ...fields.map((name) => ({ word: `${name}:` }))].map((each) => ({ ...each, isOpen: true }));
}

async function valueCandidates(
  { field, typed, others }: Extract<Unfinished, { type: 'value' }>,
  names: KnownNames,
): Promise<Candidate[]> {
  switch (field) {
    case 'level': {
      const levels = LEVELS.map((level) => level.toLowerCase()).filter((level) => !others.includes(level));
      // `level:ERR` is valid as well.
      return [...levels, ...(typed === '' ? [] : LEVELS)].map((word) => ({ word }));
    }
    case 'service': {
      // In quotes, a control character would become an escape, which the language does not have.
      const services = (await names.services()).filter((name) => printableLine(name) === name);
      const written = services.map((name) => writtenValue(name, typed));
      return written.filter((word) => !others.includes(word)).map((word) => ({ word }));
    }
    case 'exists':
      return (await fieldNames(typed, names)).map((word) => ({ word }));
    default:
      return [];
  }
}

async function fieldNames(typed: string, names: KnownNames): Promise<string[]> {
  const known = await names.fieldNames();
  const written = known.map((name) => (COLUMNS.has(name) ? `information.${name}` : name));
  return typed.startsWith('information.') ? written.map(withPrefix) : written;
}

function withPrefix(name: string): string {
  return name.startsWith('information.') ? name : `information.${name}`;
}

/** In quotes, if it must be or if a quote was typed. */
function writtenValue(name: string, typed: string): string {
  return typed.startsWith('"') || !/^[^\s()",/*][^\s()",]*$/.test(name) ? JSON.stringify(name) : name;
}
