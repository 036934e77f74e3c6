/**
 * Everything Loghive uses of Winston beyond its documentation: the symbols on an info, how a child logger and
 * `format.errors()` turn an error into an info, where `format.logstash()` puts the text, and what a transport knows of
 * its logger.
 */

export { isMarked, isWinstonMark, LEVEL, MESSAGE, SPLAT } from '../src/value/winston-marks.js';

/** The logger as a transport sees it. */
export interface Logger {
  readonly levels?: Record<string, number>;
  readonly defaultMeta?: unknown;
}

interface Inside {
  parent?: Logger | null;
  levels?: Record<string, number>;
  _accept(write: Written): boolean;
}

/** A record in the stream of a transport. */
export interface Written {
  readonly chunk: unknown;
  readonly encoding: BufferEncoding;
  readonly callback: (error?: Error | null) => void;
}

const inside = (transport: object) => transport as Inside;

/** The logger that a transport belongs to; null after it was removed. */
export function parentOf(transport: object): Logger | null | undefined {
  return inside(transport).parent;
}

export function setParent(transport: object, logger: Logger | null): void {
  Object.assign(inside(transport), { parent: logger }, logger === null ? {} : { levels: logger.levels });
}

/** The table of levels that Winston sets when a transport is added. */
export function levelsOf(transport: object): Record<string, number> | undefined {
  return inside(transport).levels;
}

/** Whether Winston would pass on a record that waited in the stream, by its level. */
export function isAccepted(transport: object, write: Written): boolean {
  return inside(transport)._accept(write);
}

/**
 * Tokens that Winston replaces only with `format.splat()`. A message with one of them keeps the metadata out of the
 * info.
 */
const TOKENS = /%[scdjifoO%]/;

/** Whether Winston has not merged the metadata into the info, because the message has tokens. */
export function hasTokens(message: unknown): boolean {
  return typeof message === 'string' && TOKENS.test(message);
}

/**
 * The own fields that Winston and the logger's formats have added to a logged error: all that come after its level,
 * which is added first.
 */
export function fieldsAfterLevel(keys: readonly string[]): readonly string[] {
  const at = keys.indexOf('level');
  return at === -1 ? [] : keys.slice(at + 1);
}

/** `TypeError: not a function`, `Error [ERR_X]: text` */
const HEAD = /^(?<name>[\p{L}_$][\p{L}\p{N}_$.]*)(?: \[\w+\])?(?:: |(?=\n))/u;

/**
 * The name of an error whose stack and message a child logger, or `format.errors({ stack: true })`, has put next to
 * each other. Undefined if the stack does not begin with the message: then they may not belong together.
 */
export function nameInStack(stack: string, message: string): string | undefined {
  const head = HEAD.exec(stack);
  return head && stack.startsWith(`${message}\n    at `, head[0].length) ? head.groups?.name : undefined;
}

/** Where formats with their own JSON keep the text: logstash, Bunyan and Pino, GELF. */
const TEXT_KEYS = ['@message', 'message', 'msg', 'short_message'];

/**
 * What a format has moved from the info into the formatted line: `format.logstash()` does so with the message and the
 * timestamp. A line that is not JSON is the message.
 */
export function movedIntoLine(line: unknown): { message?: string; timestamp?: unknown } {
  if (typeof line !== 'string') return {};
  let fields: Record<string, unknown>;
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json !== 'object' || json === null) return { message: line };
    fields = json as Record<string, unknown>;
  } catch {
    return { message: line };
  }
  const text = TEXT_KEYS.map((key) => fields[key]).find((value) => typeof value === 'string');
  const timestamp = fields['@timestamp'];
  return {
    ...(text === undefined ? {} : { message: text as string }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}
