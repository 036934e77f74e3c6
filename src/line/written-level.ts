/**
 * The level in a log line: a number, as Pino and Bunyan write it, or a name.
 *
 * @module
 */
import { type FoundLevel, levelFinder, levelReader } from '../level.js';
import { SYSLOG_NAME } from './field-names.js';

/** Pino's and Bunyan's levels: a higher number is more severe. */
const STANDARD: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };
const SYSLOG = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];

export interface WrittenLevel extends FoundLevel {
  /** The name is unknown, so it may not be a level at all. */
  readonly isUnknown?: true;
}

/**
 * @param name name of the field.
 * @returns undefined if the value is neither a number nor a name.
 */
export type LevelReader = (written: unknown, name?: string) => WrittenLevel | undefined;

/**
 * @param own all levels of a logger, name to number; a higher number is more severe. Omitted or empty: the standard
 *   levels. A level that is neither standard nor known by name is mapped by its rank among them.
 */
export function createLevelReader(own: Readonly<Record<string, number>> = {}): LevelReader {
  const table = Object.keys(own).length > 0 ? own : STANDARD;
  const names = new Map<number, string>();
  for (const [name, number] of Object.entries(table)) names.set(number, name);
  // Both functions expect Winston's order, in which a lower number is more severe.
  const winstonOrder = Object.fromEntries(Object.entries(table).map(([name, number]) => [name, -number]));
  const find = levelFinder(winstonOrder);
  const read = levelReader(winstonOrder);
  const numbers = [...names.keys()].sort((a, b) => b - a);
  return (written, field) => {
    const number = numberOf(written);
    if (number === undefined) {
      if (typeof written !== 'string' || written === '') return undefined;
      return read(written) ?? { level: 'INFO', name: written, isUnknown: true };
    }
    const name = names.get(number) ?? (field === SYSLOG_NAME ? SYSLOG[number] : undefined);
    if (name !== undefined) return find(name);
    const { level } = find(names.get(nearestTo(number, numbers)) ?? 'info');
    return { level, name: String(written) };
  };
}

export const readLevel: LevelReader = createLevelReader();

/** Also accepts a number in quotes. */
function numberOf(written: unknown): number | undefined {
  if (typeof written === 'number') return Number.isFinite(written) ? written : undefined;
  return typeof written === 'string' && /^-?\d{1,15}$/.test(written) ? Number(written) : undefined;
}

/** @param numbers in descending order: of two equally near numbers the higher is taken. */
function nearestTo(number: number, numbers: readonly number[]): number {
  return numbers.reduce((best, each) => (Math.abs(each - number) < Math.abs(best - number) ? each : best));
}
