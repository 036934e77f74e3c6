/**
 * What each method of a console logs: at which level, and the text of it, which is exactly what Node prints, without
 * colours and without the indentation of groups. May throw, where the arguments do.
 */
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, type InspectOptions, inspect } from 'node:util';
import type { Level } from '../src/level.js';
import type { Tally } from './console-tally.js';

type Arguments = readonly unknown[];

interface Method {
  readonly level: Level;
  /** The method's own name for its level. */
  readonly levelName?: string;
  /** The name of the method says something that the level does not. */
  readonly isNamed?: true;
  /** Another method prints for it, through which its text can be caught. */
  readonly isCaught?: true;
  /** Others print through it. */
  readonly catches?: true;
  /** It opens a group, or ends one. */
  readonly step?: 1 | -1;
  /** Undefined where nothing is printed. @param caught what was printed, where that is known. */
  readonly text: (args: Arguments, tally: Tally, caught: string | undefined) => string | undefined;
  /** Those of its arguments that are logged; left out: all of them. */
  readonly values?: (args: Arguments) => Arguments;
}

const formatted = (args: Arguments) =>
  args.length === 1 && typeof args[0] === 'string' ? args[0] : format(...(args as unknown[]));
const labelOf = ([label = 'default']: Arguments) => `${label}`;
const first = (args: Arguments) => args.slice(0, 1);
const behindFirst = (args: Arguments) => args.slice(1);
const none = () => [];

/** Those that log or print something, or that what others print depends on. */
const METHODS = {
  log: { level: 'INFO', catches: true, text: formatted },
  info: { level: 'INFO', catches: true, text: formatted },
  debug: { level: 'DEBUG', catches: true, text: formatted },
  warn: { level: 'WARNING', levelName: 'warn', catches: true, text: formatted },
  error: { level: 'ERROR', catches: true, text: formatted },
  trace: { level: 'DEBUG', isNamed: true, isCaught: true, text: (_args, _tally, caught) => caught },
  assert: { level: 'ERROR', isNamed: true, isCaught: true, text: assertText, values: behindFirst },
  dir: { level: 'INFO', isNamed: true, text: dirText, values: first },
  dirxml: { level: 'INFO', isNamed: true, text: formatted },
  table: {
    level: 'INFO',
    isNamed: true,
    isCaught: true,
    text: (args, _tally, caught) => caught ?? tableText(args),
    values: first,
  },
  group: { level: 'INFO', isNamed: true, step: 1, text: groupText },
  groupCollapsed: { level: 'INFO', isNamed: true, step: 1, text: groupText },
  groupEnd: { level: 'INFO', step: -1, text: () => undefined },
  count: { level: 'INFO', isNamed: true, isCaught: true, text: countText, values: none },
  countReset: { level: 'INFO', isCaught: true, text: (args, tally) => tally.countReset(labelOf(args)) },
  time: { level: 'INFO', isCaught: true, text: (args, tally) => tally.time(labelOf(args)) },
  timeLog: { level: 'INFO', isNamed: true, isCaught: true, text: timeText, values: behindFirst },
  timeEnd: {
    level: 'INFO',
    isNamed: true,
    isCaught: true,
    text(args, tally, caught) {
      const text = timeText(first(args), tally, caught);
      tally.timeEnd(labelOf(args));
      return text;
    },
    values: none,
  },
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof METHODS;
export const METHOD_NAMES = Object.keys(METHODS) as MethodName[];

export function methodOf(name: MethodName): Method {
  return METHODS[name];
}

/** What was printed by several calls of `log()`. */
export function caughtText(calls: readonly Arguments[]): string | undefined {
  return calls.length === 0 ? undefined : calls.map(formatted).join('\n');
}

/** As `console.trace()` prints it where `caller` was called. */
export function traceText(args: Arguments, caller: (...args: unknown[]) => unknown): string {
  const trace: { name: string; message: string; stack?: unknown } = { name: 'Trace', message: format(...args) };
  Error.captureStackTrace(trace, caller);
  return formatted([trace.stack]);
}

/** Where it is not caught: versions of Node differ in it. */
function assertText([condition, ...args]: Arguments, _tally: Tally, caught: string | undefined): string | undefined {
  if (condition || caught !== undefined) return caught;
  if (typeof args[0] === 'string') return format(`Assertion failed: ${args[0]}`, ...args.slice(1));
  return format('Assertion failed', ...args);
}

function dirText([value, options]: Arguments): string {
  const own = typeof options === 'object' ? (options as InspectOptions) : {};
  return inspect(value, { customInspect: false, ...own, colors: false });
}

function groupText(args: Arguments): string | undefined {
  return args.length === 0 ? undefined : formatted(args);
}

function countText(args: Arguments, tally: Tally, caught: string | undefined): string {
  const label = labelOf(args);
  const count = tally.count(label);
  return caught ?? `${label}: ${count}`;
}

function timeText(args: Arguments, tally: Tally, caught: string | undefined): string | undefined {
  const label = labelOf(args);
  const elapsedMs = tally.elapsed(label);
  if (caught !== undefined || elapsedMs === undefined) return caught;
  return format('%s: %s', label, `${Number(elapsedMs.toFixed(3))}ms`, ...args.slice(1));
}

/** Node's own table, for a console that draws another one. */
function tableText(args: Arguments): string {
  let text = '';
  const stdout = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  new Console({ stdout, colorMode: false }).table(...(args as [unknown, string[]?]));
  return text.replace(/\n$/, '');
}
