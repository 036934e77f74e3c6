/** Options that select dead letters. */
import type { Command } from 'commander';
import type { DeadLetterFilter } from '../../consumer/store/index.js';
import { LEVELS, type Level } from '../../src/level.js';
import { Expected } from '../../src/settings/option.js';
import { checkedOption } from '../checked-option.js';
import { parseTime } from '../time-option.js';

export interface FilterOptions {
  service?: string;
  level?: string;
  code?: string;
  queue?: string;
  since?: string;
  until?: string;
  id?: string;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--service <name>', 'service of the record, or of the queue it came from')
    .option('--level <level>', `level of the record: ${LEVELS.join(', ')}`)
    .option('--code <code>', 'reason code: an SQLSTATE, or invalid, too_large')
    .option('--queue <name>', 'queue the record came from')
    .option('--since <time>', 'last seen at or after this time: 2026-01-31T10:30 (UTC), or an age: 30m, 2h, 7d')
    .option('--until <time>', 'last seen before this time')
    .option('--id <ids>', 'ids, comma-separated');
}

/**
 * @param owner the command, for error messages.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export function filterOf(owner: string, options: FilterOptions, nowMs: number = Date.now()): DeadLetterFilter {
  const read = <T>(name: keyof FilterOptions, check: (text: string) => T): Record<string, T> => {
    const text = options[name];
    return text === undefined ? {} : { [name]: checkedOption(owner, name, text, check) };
  };
  const { id: ids, ...others } = {
    ...read('service', someText),
    ...read('level', level),
    ...read('code', someText),
    ...read('queue', someText),
    ...read('since', (text) => parseTime(text, nowMs)),
    ...read('until', (text) => parseTime(text, nowMs)),
    ...read('id', (text) => text.split(',').map((part) => letterId(part.trim()))),
  } as Record<string, unknown>;
  return { ...others, ...(ids === undefined ? {} : { ids }) } as DeadLetterFilter;
}

const MAX_ID = 2n ** 63n - 1n;

/** @throws Expected */
export function letterId(text: string): string {
  if (/^\d{1,19}$/.test(text) && BigInt(text) <= MAX_ID) return BigInt(text).toString();
  throw new Expected('the id of a dead letter, as shown by "loghive dead-letters list"');
}

function someText(text: string): string {
  // PostgreSQL text cannot contain NUL, so nothing could match.
  if (text === '' || text.includes('\0')) throw new Expected('non-empty text');
  return text;
}

function level(text: string): Level {
  const found = LEVELS.find((each) => each === text.toUpperCase());
  if (found === undefined) throw new Expected(`one of ${LEVELS.join(', ')}`);
  return found;
}
