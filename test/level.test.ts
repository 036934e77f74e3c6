import { describe, expect, test } from 'vitest';
import { LEVELS, levelFinder, parseLevel, severity } from '../src/level.js';

describe('the five levels', () => {
  test('rise in severity as the database orders them', () => {
    expect(LEVELS.map(severity)).toEqual([0, 1, 2, 3, 4]);
  });

  test('are found in any case, without an original name', () => {
    for (const level of LEVELS) {
      const capitalized = `${level[0]}${level.slice(1).toLowerCase()}`;
      for (const name of [level, level.toLowerCase(), capitalized, ` ${level} `]) {
        expect(parseLevel(name)).toEqual({ level });
      }
    }
  });
});

describe('other names', () => {
  test.each([
    ['silly', 'DEBUG'],
    ['trace', 'DEBUG'],
    ['verbose', 'DEBUG'],
    ['http', 'INFO'],
    ['notice', 'INFO'],
    ['information', 'INFO'],
    ['informational', 'INFO'],
    ['warn', 'WARNING'],
    ['WARN', 'WARNING'],
    ['err', 'ERROR'],
    ['fatal', 'CRITICAL'],
    ['crit', 'CRITICAL'],
    ['alert', 'CRITICAL'],
    ['emerg', 'CRITICAL'],
  ])('%s maps to %s and is kept', (name, level) => {
    expect(parseLevel(name)).toEqual({ level, name });
  });

  test('that are unknown count as INFO and are kept as written', () => {
    for (const name of ['Chatty', '', '30', 'constructor', '__proto__']) {
      expect(parseLevel(name)).toEqual({ level: 'INFO', name });
    }
  });
});

describe("a logger's own table", () => {
  const levelsOf = (table: Record<string, number>) => {
    const find = levelFinder(table);
    return Object.fromEntries(Object.keys(table).map((name) => [name, find(name).level]));
  };

  test("of Winston's npm, syslog and cli levels", () => {
    expect(levelsOf({ error: 0, warn: 1, info: 2, http: 3, verbose: 4, debug: 5, silly: 6 })).toEqual({
      error: 'ERROR',
      warn: 'WARNING',
      info: 'INFO',
      http: 'INFO',
      verbose: 'DEBUG',
      debug: 'DEBUG',
      silly: 'DEBUG',
    });
    expect(levelsOf({ emerg: 0, alert: 1, crit: 2, error: 3, warning: 4, notice: 5, info: 6, debug: 7 })).toEqual({
      emerg: 'CRITICAL',
      alert: 'CRITICAL',
      crit: 'CRITICAL',
      error: 'ERROR',
      warning: 'WARNING',
      notice: 'INFO',
      info: 'INFO',
      debug: 'DEBUG',
    });
    const cli = { error: 0, warn: 1, help: 2, data: 3, info: 4, debug: 5, prompt: 6, verbose: 7, input: 8, silly: 9 };
    expect(levelsOf(cli)).toMatchObject({ help: 'WARNING', data: 'INFO', prompt: 'DEBUG', input: 'DEBUG' });
  });

  test('maps a custom name to the nearest known level by rank, the more severe one at equal distance', () => {
    expect(levelsOf({ error: 0, audit: 1, info: 2 })).toMatchObject({ audit: 'ERROR' });
    expect(levelsOf({ error: 0, audit: 500, warn: 501, info: 502 })).toMatchObject({ audit: 'ERROR' });
    expect(levelFinder({ error: 0, audit: 1, info: 2 })('audit')).toEqual({ level: 'ERROR', name: 'audit' });
  });

  test('spreads names with a known one on only one side between that level and the end', () => {
    expect(Object.values(levelsOf({ fatal: 0, oops: 1, meh: 2, blah: 3, tiny: 4 }))).toEqual([...LEVELS].reverse());
    expect(Object.values(levelsOf({ loud: 0, louder: 1, warn: 2, info: 3, quiet: 4, quieter: 5 }))).toEqual([
      'CRITICAL',
      'ERROR',
      'WARNING',
      'INFO',
      'INFO',
      'DEBUG',
    ]);
    expect(levelsOf({ audit: 0, access: 1, fatal: 2, error: 3, debug: 4, noise: 5 })).toMatchObject({
      audit: 'CRITICAL',
      access: 'CRITICAL',
      noise: 'DEBUG',
    });
  });

  test('maps names with the same number to the same level', () => {
    expect(levelsOf({ error: 0, oops: 0, info: 1 })).toMatchObject({ oops: 'ERROR' });
  });

  test('without a known name is spread evenly', () => {
    expect(levelsOf({ a: 0, b: 1, c: 2, d: 3, e: 4 })).toEqual({
      a: 'CRITICAL',
      b: 'ERROR',
      c: 'WARNING',
      d: 'INFO',
      e: 'DEBUG',
    });
    expect(levelsOf({ high: 5, low: 9 })).toEqual({ high: 'CRITICAL', low: 'DEBUG' });
    expect(levelsOf({ only: 0 })).toEqual({ only: 'INFO' });
  });

  test('handles names outside it, and invalid numbers, by the common rules', () => {
    const find = levelFinder({ error: 0, broken: Number.NaN });
    expect(find('fatal')).toEqual({ level: 'CRITICAL', name: 'fatal' });
    expect(find('broken')).toEqual({ level: 'INFO', name: 'broken' });
    expect(find('toString')).toEqual({ level: 'INFO', name: 'toString' });
    expect(levelFinder({})('debug')).toEqual({ level: 'DEBUG' });
  });
});
