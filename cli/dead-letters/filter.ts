/** Which dead letters are meant: the options that say so, checked. Pure but for the clock. */
import type { Command } from 'commander';
import type { DeadLetterFilter } from '../../consumer/store/index.js';
import { LoghiveError } from '../../src/errors.js';
import { LEVELS, type Level } from '../../src/level.js';
import { Expected, shown } from '../../src/settings/option.js';
import { momentOf } from '../moment.js';

export interface FilterOptions {
  service?: string;
  level?: string;
  code?: string;
  queue?: string;
  since?: string;
  until?: string;
  id?: string;
}

export function withFilter(command: Command): Command {
  return command
    .option('--service <name>', 'whose record it is, or whose queue it came from')
    .option('--level <level>', LEVELS.join(', '))
    .option('--code <code>', "SQLSTATE, or Loghive's: invalid, too_large")
    .option('--queue <name>', 'that it came from')
    .option('--since <time>', 'seen last then or later: 2026-01-31T10:30 (UTC), 30m, 2h, 7d')
    .option('--until <time>', 'seen last before that')
    .option('--id <ids>', 'by number, comma-separated');
}

/**
 * @param owner the command, for messages.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export function filterOf(owner: string, options: FilterOptions, nowMs: number = Date.now()): DeadLetterFilter {
  const read = <T>(name: keyof FilterOptions, check: (text: string) => T): Record<string, T> => {
    const text = options[name];
    if (text === undefined) return {};
    try {
      return { [name]: check(text) };
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      const words = `${owner}: option --${name} is ${shown(text)}, expected ${error.message}`;
      throw new LoghiveError('LOGHIVE_INVALID_OPTION', words);
    }
  };
  const { id: ids, ...others } = {
    ...read('service', someText),
    ...read('level', level),
    ...read('code', someText),
    ...read('queue', someText),
    ...read('since', (text) => momentOf(text, nowMs)),
    ...read('until', (text) => momentOf(text, nowMs)),
    ...read('id', (text) => text.split(',').map((part) => letterId(part.trim()))),
  } as Record<string, unknown>;
  return { ...others, ...(ids === undefined ? {} : { ids }) } as DeadLetterFilter;
}

const MOST_ID = 2n ** 63n - 1n;

/** @throws Expected */
export function letterId(text: string): string {
  if (/^\d{1,19}$/.test(text) && BigInt(text) <= MOST_ID) return BigInt(text).toString();
  throw new Expected('the number of a dead letter, as "loghive dead-letters list" shows it');
}

function someText(text: string): string {
  // PostgreSQL's text holds no NUL, so nothing could match.
  if (text === '' || text.includes('\0')) throw new Expected('some text');
  return text;
}

function level(text: string): Level {
  const found = LEVELS.find((each) => each === text.toUpperCase());
  if (found === undefined) throw new Expected(`one of ${LEVELS.join(', ')}`);
  return found;
}
