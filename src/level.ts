/**
 * The five levels of the wire contract, their order, and the ways other names map to them.
 *
 * @module
 */

/** Every level there is, least severe first: the order of the database's enum. */
export const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;

/** One of the five names that travel in a record's `level`. */
export type Level = (typeof LEVELS)[number];

/** A name mapped to one of the five; `name` is there when the name was another one and is worth keeping. */
export interface FoundLevel {
  readonly level: Level;
  readonly name?: string;
}

/** Where in `information` a level's own name goes: the second one where the first is taken. */
export const LEVEL_NAME_KEYS = ['level', 'loghive.level'] as const;

const SEVERITY: Readonly<Record<Level, number>> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3, CRITICAL: 4 };

/** The names other loggers and syslog use (lower case), nearest level each. */
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

/** How severe a level is: 0 (DEBUG) to 4 (CRITICAL). */
export function severity(level: Level): number {
  return SEVERITY[level];
}

/**
 * Maps a level's name, in any case, to one of the five. Names that are not one of the five come back in `name` as they
 * were written; a name that nobody knows counts as INFO.
 */
export function parseLevel(name: string): FoundLevel {
  return FIVE.get(name) ?? knownLevel(name) ?? { level: 'INFO', name };
}

/** Whether `parseLevel` knows the name, in any case, instead of taking it for INFO. */
export function isLevelName(name: string): boolean {
  return knownLevel(name) !== undefined;
}

/**
 * Makes a `parseLevel` for a logger that brings its own table (lower number = more severe, as Winston has it).
 *
 * Names of the table that `parseLevel` knows map as there. The others take the level of the nearest known name, counted
 * in ranks of the table; at equal distance the more severe one, because a warning too many is better than one too few.
 * Names below the last known one are spread evenly from its level down to DEBUG, those above the first known one from its
 * level up to CRITICAL; a table without any known name from CRITICAL down to DEBUG. Names outside the table, and entries
 * whose number is not finite, go through `parseLevel`.
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
 * Makes the same of a table, for names as a format may have written them for a terminal: `\x1b[31mERROR\x1b[39m`, `[error]`,
 * `  WARN:`. Undefined where nothing in the text is a level, neither one of the table nor one that `parseLevel` knows.
 */
export function levelReader(table: Readonly<Record<string, number>>): (text: string) => FoundLevel | undefined {
  const find = levelFinder(table);
  const names = new Map(Object.keys(table).map((name) => [name.toLowerCase(), name]));
  const known = (text: string) => {
    const name = names.get(text.toLowerCase());
    return knownLevel(text) ?? (name === undefined ? undefined : find(name));
  };
  return (text) => {
    if (text.length > MOST_CHARACTERS) return undefined;
    const plain = text.replace(COLOUR, '').trim();
    return (
      known(plain) ??
      plain
        .split(BETWEEN_WORDS)
        .map(known)
        .find((level) => level !== undefined)
    );
  };
}

/** Escape sequences of terminals. */
const COLOUR = /\x1b\[[\d;]*m/g;
/** `-` and `.` stand within names as well. */
const BETWEEN_WORDS = /[^\p{L}\p{N}_.-]+|[.-](?=$|\s)/u;
/** Longer ones are no level. */
const MOST_CHARACTERS = 100;

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
  if (first === -1) return spread(rank, known.length);
  const last = known.findLastIndex((level) => level !== undefined);
  if (rank > last) return below(known[last]!, (rank - last) / (known.length - 1 - last));
  if (rank < first) return above(known[first]!, (first - rank) / first);
  return nearestKnown(known, rank);
}

/** @param share of the way down to DEBUG. */
function below(level: Level, share: number): Level {
  const steps = SEVERITY[level] * share;
  // Half a step is none: the more severe one.
  return LEVELS[SEVERITY[level] - Math.ceil(steps - 0.5)] ?? level;
}

/** @param share of the way up to CRITICAL. */
function above(level: Level, share: number): Level {
  const steps = (SEVERITY.CRITICAL - SEVERITY[level]) * share;
  return LEVELS[SEVERITY[level] + Math.round(steps)] ?? level;
}

/** Known ranks lie on both sides of this one, or it is known itself. */
function nearestKnown(known: readonly (Level | undefined)[], rank: number): Level {
  let distance = 0;
  let level = known[rank];
  while (level === undefined) {
    distance += 1;
    level = known[rank - distance] ?? known[rank + distance];
  }
  return level;
}

function spread(rank: number, ranks: number): Level {
  const fromTop =
    ranks === 1 ? LEVELS.length - 1 - SEVERITY.INFO : Math.round((rank * (LEVELS.length - 1)) / (ranks - 1));
  return LEVELS[LEVELS.length - 1 - fromTop] ?? 'INFO';
}
