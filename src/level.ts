/**
 * The five levels of the wire contract, their order, and the mapping from other names.
 *
 * @module
 */

/** All levels, least severe first, in the order of the database's enum. */
export const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;

/** A record's `level`. */
export type Level = (typeof LEVELS)[number];

/** A level name mapped to one of the five levels. `name` is the original name if it is a different one. */
export interface FoundLevel {
  readonly level: Level;
  readonly name?: string;
}

/** The key of the original level name in `information`: the second one if the first is taken. */
export const LEVEL_NAME_KEYS = ['level', 'loghive.level'] as const;

const SEVERITY: Readonly<Record<Level, number>> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3, CRITICAL: 4 };

/** Level names of other loggers and syslog (lower case), mapped to the nearest level. */
const ALIASES = {
  silly: 'DEBUG',
  trace: 'DEBUG',
  verbose: 'DEBUG',
  http: 'INFO',
  notice: 'INFO',
  information: 'INFO',
  informational: 'INFO',
  warn: 'WARNING',
  err: 'ERROR',
  severe: 'ERROR',
  fatal: 'CRITICAL',
  crit: 'CRITICAL',
  alert: 'CRITICAL',
  emerg: 'CRITICAL',
  emergency: 'CRITICAL',
  panic: 'CRITICAL',
  dpanic: 'CRITICAL',
} as const satisfies Record<string, Level>;
const ALIAS_LEVELS: ReadonlyMap<string, Level> = new Map(Object.entries(ALIASES));

/** The level names of other loggers, in lower case. */
export const LEVEL_ALIASES = Object.keys(ALIASES);

/** A level name that `parseLevel` maps to one of the five. */
export type LevelName = Level | Lowercase<Level> | keyof typeof ALIASES;

const FIVE: ReadonlyMap<string, FoundLevel> = new Map(
  LEVELS.flatMap((level): [string, FoundLevel][] => {
    const found: FoundLevel = Object.freeze({ level });
    return [
      [level, found],
      [level.toLowerCase(), found],
    ];
  }),
);

/** Severity of a level: 0 (DEBUG) to 4 (CRITICAL). */
export function severity(level: Level): number {
  return SEVERITY[level];
}

/**
 * Maps a level name, in any case, to one of the five levels. Other names are also returned in `name` as written. An
 * unknown name maps to INFO.
 */
export function parseLevel(name: string): FoundLevel {
  return FIVE.get(name) ?? knownLevel(name) ?? { level: 'INFO', name };
}

/** Whether `parseLevel` knows the name, in any case. Unknown names map to INFO. */
export function isLevelName(name: string): boolean {
  return knownLevel(name) !== undefined;
}

/**
 * Creates a `parseLevel` for a logger with its own level table (lower number = more severe, as in Winston).
 *
 * Names that `parseLevel` knows map as usual. Other names of the table map to the level of the nearest known name, by
 * rank in the table; at equal distance to the more severe one, because an extra warning is better than a missed one.
 * Names below the last known one are spread evenly from its level down to DEBUG; names above the first known one, from
 * its level up to CRITICAL; in a table without known names, from CRITICAL down to DEBUG. Names outside the table, and
 * entries whose number is not finite, are passed to `parseLevel`.
 */
export function levelFinder(table: Readonly<Record<string, number>>): (name: string) => FoundLevel {
  const ranks = rankedNames(table);
  const known = ranks.map((names) => mostSevere(names.flatMap((name) => knownLevel(name)?.level ?? [])));
  const found = new Map<string, FoundLevel>();
  for (const [rank, names] of ranks.entries()) {
    const nearest = levelOfRank(known, rank);
    for (const name of names) found.set(name, knownLevel(name) ?? Object.freeze({ level: nearest, name }));
  }
  return (name) => found.get(name) ?? parseLevel(name);
}

/**
 * Creates the same mapping for names that a format has decorated for a terminal: `\x1b[31mERROR\x1b[39m`, `[error]`,
 * `WARN:`. Undefined if the text contains no level, neither one of the table nor one that `parseLevel` knows.
 */
export function levelReader(table: Readonly<Record<string, number>>): (text: string) => FoundLevel | undefined {
  const find = levelFinder(table);
  const names = new Map(Object.keys(table).map((name) => [name.toLowerCase(), name]));
  const known = (text: string) => {
    const name = names.get(text.toLowerCase());
    return knownLevel(text) ?? (name === undefined ? undefined : find(name));
  };
  return (text) => {
    if (text.length > MAX_CHARACTERS) return undefined;
    const plain = text.replace(ANSI_COLOR, '').trim();
    return (
      known(plain) ??
      plain
        .split(WORD_SEPARATOR)
        .map(known)
        .find((level) => level !== undefined)
    );
  };
}

/** ANSI color sequences. */
const ANSI_COLOR = /\x1b\[[\d;]*m/g;
/** `-` and `.` may also be part of a name. */
const WORD_SEPARATOR = /[^\p{L}\p{N}_.-]+|[.-](?=$|\s)/u;
/** Longer texts are not searched for a level. */
const MAX_CHARACTERS = 100;

function knownLevel(name: string): FoundLevel | undefined {
  const folded = name.trim().toLowerCase();
  const five = FIVE.get(folded);
  if (five !== undefined) return five;
  const level = ALIAS_LEVELS.get(folded);
  return level === undefined ? undefined : { level, name };
}

/** The table's names in groups of equal number, most severe group first. */
function rankedNames(table: Readonly<Record<string, number>>): string[][] {
  const groups = new Map<number, string[]>();
  for (const [name, number] of Object.entries(table)) {
    if (!Number.isFinite(number)) continue;
    const group = groups.get(number);
    if (group === undefined) groups.set(number, [name]);
    else group.push(name);
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, names]) => names);
}

function mostSevere(levels: Level[]): Level | undefined {
  let worst: Level | undefined;
  for (const level of levels) if (worst === undefined || severity(level) > severity(worst)) worst = level;
  return worst;
}

function levelOfRank(known: readonly (Level | undefined)[], rank: number): Level {
  const first = known.findIndex((level) => level !== undefined);
  if (first === -1) return spreadEvenly(rank, known.length);
  const last = known.findLastIndex((level) => level !== undefined);
  if (rank > last) return interpolateDown(known[last]!, (rank - last) / (known.length - 1 - last));
  if (rank < first) return interpolateUp(known[first]!, (first - rank) / first);
  return nearestKnown(known, rank);
}

/** @param share fraction of the distance to DEBUG. */
function interpolateDown(level: Level, share: number): Level {
  const steps = SEVERITY[level] * share;
  // Half steps are rounded to the more severe level.
  return LEVELS[SEVERITY[level] - Math.ceil(steps - 0.5)] ?? level;
}

/** @param share fraction of the distance to CRITICAL. */
function interpolateUp(level: Level, share: number): Level {
  const steps = (SEVERITY.CRITICAL - SEVERITY[level]) * share;
  return LEVELS[SEVERITY[level] + Math.round(steps)] ?? level;
}

/** There are known ranks on both sides of this one, or it is known itself. */
function nearestKnown(known: readonly (Level | undefined)[], rank: number): Level {
  let distance = 0;
  let level = known[rank];
  while (level === undefined) {
    distance += 1;
    level = known[rank - distance] ?? known[rank + distance];
  }
  return level;
}

function spreadEvenly(rank: number, ranks: number): Level {
  const fromTop =
    ranks === 1 ? LEVELS.length - 1 - SEVERITY.INFO : Math.round((rank * (LEVELS.length - 1)) / (ranks - 1));
  return LEVELS[LEVELS.length - 1 - fromTop] ?? 'INFO';
}
