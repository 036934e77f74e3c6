/** What Winston calls `info`, taken apart into level, message and information. Never changes it. Pure. */

export interface WinstonInfo {
  readonly level: string;
  readonly message: unknown;
  readonly [key: string | symbol]: unknown;
}

// Winston's own marks on an info (https://github.com/winstonjs/triple-beam).
/** The level as it was before a format coloured it. */
const LEVEL = Symbol.for('level');
/** The text that a format made of the whole record. */
const MESSAGE = Symbol.for('message');
/** The arguments of the call behind the message. */
const SPLAT = Symbol.for('splat');

export interface InfoParts {
  readonly levelName: string;
  readonly message: unknown;
  readonly information: Record<string | symbol, unknown>;
}

export function splitInfo(info: WinstonInfo): InfoParts {
  const information = fieldsOf(info);
  const splat = read(info, SPLAT);
  if (info instanceof Error) information.error = errorFields(info);
  else if (Array.isArray(splat)) addArguments(information, splat, info.message);
  return { levelName: String(read(info, LEVEL) ?? read(info, 'level')), message: read(info, 'message'), information };
}

function fieldsOf(info: WinstonInfo): Record<string | symbol, unknown> {
  const fields: Record<string | symbol, unknown> = {};
  for (const key of Object.keys(info)) {
    if (key === 'level' || key === 'message') continue;
    if (key === '__proto__') Object.defineProperty(fields, key, { value: read(info, key), enumerable: true });
    else fields[key] = read(info, key);
  }
  for (const key of Object.getOwnPropertySymbols(info)) {
    if (key !== LEVEL && key !== MESSAGE && key !== SPLAT) fields[key] = info[key];
  }
  return fields;
}

/** `logger.error(error)`: the info is the error itself, with `level` and the default metadata written onto it. */
function errorFields(error: Error): Record<string, unknown> {
  const { level: _level, ...own } = error as Error & { level?: unknown };
  const fields: Record<string, unknown> = {
    ...own,
    name: error.name,
    message: error.message,
    stack: error.stack,
  };
  if (error.cause !== undefined) fields.cause = error.cause;
  if (error instanceof AggregateError) fields.errors = error.errors;
  return fields;
}

/**
 * Winston merges the first argument into the info when it is an object, and `format.splat()` puts others into the message
 * or merges them too. What neither did would be lost: it is kept under `splat`.
 */
function addArguments(
  information: Record<string | symbol, unknown>,
  splat: readonly unknown[],
  message: unknown,
): void {
  const rest: unknown[] = [];
  for (const [index, argument] of splat.entries()) {
    if (argument instanceof Error && !('error' in information)) {
      removeCopies(information, argument);
      information.error = argument;
    } else if (typeof argument === 'object' && argument !== null) {
      if (index === 0) keepOverwritten(information, argument);
      else if (!isMerged(information, argument)) rest.push(argument);
    } else if (argument !== undefined && !(typeof message === 'string' && message.includes(String(argument)))) {
      rest.push(argument);
    }
  }
  if (rest.length > 0) information.splat = rest;
}

/** Winston copies an error's fields, its stack and its cause next to the message; the error itself has them. */
function removeCopies(information: Record<string | symbol, unknown>, error: Error): void {
  for (const field of ['stack', 'cause', ...Object.keys(error)]) {
    if (information[field] === read(error, field)) delete information[field];
  }
}

/** A field `level` of the metadata gives way to the level of the record in the info. */
function keepOverwritten(information: Record<string | symbol, unknown>, metadata: object): void {
  const level = read(metadata, 'level');
  if (level !== undefined) information.level = level;
}

function isMerged(information: Record<string | symbol, unknown>, argument: object): boolean {
  const keys = Object.keys(argument);
  return keys.length > 0 && keys.every((key) => key in information && information[key] === read(argument, key));
}

/** A field that may have a throwing getter; what it threw takes its place. */
function read(owner: object, key: string | symbol): unknown {
  try {
    return (owner as Record<string | symbol, unknown>)[key];
  } catch (thrown) {
    return `[Threw: ${thrown instanceof Error ? thrown.message : String(thrown)}]`;
  }
}
