/** Finds the candidates for the word at the cursor. */
import type { Argument, Command, Option } from 'commander';
import { LEVELS } from '../../src/level.js';
import { printableLine } from '../../src/printable.js';
import { SERVICE_NAME } from '../../src/wire.js';
import type { Candidate } from './candidate.js';
import type { KnownNames } from './known-names.js';
import type { Position } from './position.js';
import { queryCandidates } from './query-candidates.js';

export type Reply =
  | { readonly type: 'candidates'; readonly candidates: readonly Candidate[] }
  /** The shell completes names of files, or of directories. */
  | { readonly type: 'files' | 'directories' };

type Complete = (typed: string, names: KnownNames, others: readonly string[]) => Promise<Candidate[]> | Candidate[];

const AGES = ['5m', '15m', '1h', '2h', '1d', '7d', 'today', 'yesterday'];

/** By the name of an argument, or of the value of an option, as the help shows it: `<time>`. */
const BY_VALUE_NAME: Readonly<Record<string, Complete>> = {
  query: async (typed, names) => queryCandidates(typed, names),
  services: serviceCandidates,
  service: serviceCandidates,
  level: () => LEVELS.map((level) => ({ word: level.toLowerCase() })),
  names: fieldList,
  time: () => AGES.map((word) => ({ word })),
};

/** By the name of an option whose value has the name of many. */
const BY_OPTION: Readonly<Record<string, Complete>> = {
  '--service': serviceCandidates,
  '--time-zone': () => ['local', 'UTC', ...Intl.supportedValuesOf('timeZone')].map((word) => ({ word })),
};

const PATHS: Readonly<Record<string, 'files' | 'directories'>> = { file: 'files', dir: 'directories' };

/** More would fill the screen. */
const MAX_CANDIDATES = 1000;

/** @param current the word at the cursor. */
export async function replyFor(position: Position, current: string, names: KnownNames): Promise<Reply> {
  if (position.type === 'value') {
    const path = PATHS[valueName(position.of)];
    if (path !== undefined) return { type: path };
  }
  const seen = new Set<string>();
  const candidates = (await candidatesAt(position, current, names)).filter(({ word }) => {
    // A control character could reach the terminal, and a line feed the shell.
    if (!word.startsWith(current) || printableLine(word) !== word || seen.has(word)) return false;
    seen.add(word);
    return true;
  });
  return { type: 'candidates', candidates: candidates.slice(0, MAX_CANDIDATES) };
}

async function candidatesAt(position: Position, current: string, names: KnownNames): Promise<readonly Candidate[]> {
  switch (position.type) {
    case 'command':
      return position.commands.map((command) => ({ word: command.name(), description: summaryOf(command) }));
    case 'option':
      return position.options.map(({ long, short, description }) => ({ word: long ?? short ?? '', description }));
    case 'value': {
      const { of, prefix, others } = position;
      const found = await valuesOf(of, current.slice(prefix.length), names, others);
      return found.map((each) => ({ ...each, word: prefix + each.word, shown: each.shown ?? each.word }));
    }
    case 'nothing':
      return [];
  }
}

async function valuesOf(
  of: Argument | Option,
  typed: string,
  names: KnownNames,
  others: readonly string[],
): Promise<readonly Candidate[]> {
  if (of.argChoices !== undefined) return of.argChoices.map((word) => ({ word }));
  const byOption = 'long' in of ? BY_OPTION[of.long ?? ''] : undefined;
  const complete = byOption ?? BY_VALUE_NAME[valueName(of)];
  return complete === undefined ? [] : complete(typed, names, others);
}

/** `query` of `--show <query>` and of `[query...]`. */
function valueName(of: Argument | Option): string {
  return 'flags' in of ? (/[<[]([\w-]+)/.exec(of.flags)?.[1] ?? '') : of.name();
}

function summaryOf(command: Command): string {
  return command.summary() || command.description();
}

async function serviceCandidates(_typed: string, names: KnownNames, others: readonly string[]): Promise<Candidate[]> {
  const services = await names.services();
  // The commands accept no other names.
  const usable = services.filter((name) => SERVICE_NAME.test(name) && !others.includes(name));
  return usable.map((word) => ({ word }));
}

/** `order.id,tookMs` */
async function fieldList(typed: string, names: KnownNames): Promise<Candidate[]> {
  const before = typed.slice(0, typed.lastIndexOf(',') + 1);
  const listed = new Set(before.split(','));
  const fields = (await names.fieldNames()).filter((name) => !name.includes(',') && !listed.has(name));
  return fields.map((name) => ({ word: before + name, shown: name }));
}
