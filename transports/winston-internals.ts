/**
 * What Loghive touches of Winston beyond its documents, all of it: the marks on an info, how a child logger and
 * `format.errors()` take an error apart, where `format.logstash()` puts a text, and what a transport knows of its logger.
 */

export { isMarked, isWinstonMark, LEVEL, MESSAGE, SPLAT } from '../src/value/winston-marks.js';

/** What a transport sees of the logger that it is added to. */
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

/** The logger that a transport belongs to; null when it was removed. */
export function parentOf(transport: object): Logger | null | undefined {
  return inside(transport).parent;
}

export function setParent(transport: object, logger: Logger | null): void {
  Object.assign(inside(transport), { parent: logger }, logger === null ? {} : { levels: logger.levels });
}

/** The table of levels that Winston hands over when a transport is added. */
export function levelsOf(transport: object): Record<string, number> | undefined {
  return inside(transport).levels;
}

/** Whether Winston would hand a record on that has waited in the stream, by its level. */
export function isAccepted(transport: object, write: Written): boolean {
  return inside(transport)._accept(write);
}

/** Those that Winston fills in only where the logger has `format.splat()`, and leaves the metadata out for. */
const TOKENS = /%[scdjifoO%]/;

/** Whether Winston has merged no metadata into the info, because its message has places for it. */
export function hasTokens(message: unknown): boolean {
  return typeof message === 'string' && TOKENS.test(message);
}

/**
 * The own fields that Winston, and the formats of the logger, have put onto an error that is logged by itself: all that
 * stand behind its level, which comes first.
 */
export function fieldsBehindLevel(keys: readonly string[]): readonly string[] {
  const at = keys.indexOf('level');
  return at === -1 ? [] : keys.slice(at + 1);
}

/** `TypeError: not a function`, `Error [ERR_X]: text` */
const HEAD = /^(?<name>[\p{L}_$][\p{L}\p{N}_$.]*)(?: \[\w+\])?(?:: |(?=\n))/u;

/**
 * The name of the error whose stack and message a child logger, or `format.errors({ stack: true })`, has put beside each
 * other. Undefined where it is not certain that they belong together: where the stack does not begin with the message.
 */
export function nameInStack(stack: string, message: string): string | undefined {
  const head = HEAD.exec(stack);
  return head && stack.startsWith(`${message}\n    at `, head[0].length) ? head.groups?.name : undefined;
}

/** Where formats that write a JSON of their own keep the text: logstash's, Bunyan's and Pino's, GELF's. */
const TEXT_KEYS = ['@message', 'message', 'msg', 'short_message'];

/**
 * What a format has moved out of the info into the whole line that it made: `format.logstash()` does so with the message
 * and the timestamp. A line that is no JSON is the message.
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
