/**
 * The level that stands in a line of a log: a number, as Pino and Bunyan write it, or a name.
 *
 * @module
 */
import { type FoundLevel, levelFinder } from '../level.js';

/** Of Pino and Bunyan: a higher number is more severe. */
const STANDARD: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

export type LevelReader = (written: unknown) => FoundLevel | undefined;

/**
 * @param own a logger's own levels, name to number, a higher number is more severe; they go before the usual ones.
 * @returns undefined for what is no level at all: neither a number nor a name.
 */
export function createLevelReader(own: Readonly<Record<string, number>> = {}): LevelReader {
  const table = { ...STANDARD, ...own };
  const names = new Map<number, string>();
  for (const [name, number] of Object.entries(table)) names.set(number, name);
  // `levelFinder` counts as Winston does, downwards.
  const find = levelFinder(Object.fromEntries(Object.entries(table).map(([name, number]) => [name, -number])));
  const numbers = [...names.keys()].sort((a, b) => b - a);
  return (written) => {
    const number = numberOf(written);
    if (number === undefined)
      return typeof written === 'string' && written !== '' ? find(colourless(written)) : undefined;
    const name = names.get(number);
    if (name !== undefined) return find(name);
    const { level } = find(names.get(nearestTo(number, numbers)) ?? 'info');
    return { level, name: String(written) };
  };
}

export const readLevel: LevelReader = createLevelReader();

/** Winston's colorize() writes the level for a terminal. */
function colourless(name: string): string {
  return name.includes('\x1b') ? name.replace(/\x1b\[\d+(?:;\d+)*m/g, '') : name;
}

/** Also one that stands in quotes. */
function numberOf(written: unknown): number | undefined {
  if (typeof written === 'number') return Number.isFinite(written) ? written : undefined;
  return typeof written === 'string' && /^-?\d{1,15}$/.test(written) ? Number(written) : undefined;
}

/** @param numbers the highest first: of two that are as near it is taken. */
function nearestTo(number: number, numbers: readonly number[]): number {
  return numbers.reduce((best, each) => (Math.abs(each - number) < Math.abs(best - number) ? each : best));
}
