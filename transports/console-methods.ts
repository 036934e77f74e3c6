/**
 * What each console method logs: its level and its text, which is exactly what Node prints, without colors and without
 * the indentation of groups. May throw if the arguments do.
 */
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, type InspectOptions, inspect } from 'node:util';
import type { Level } from '../src/level.js';

type Arguments = readonly unknown[];

interface Method {
  readonly level: Level;
  /** The method's own name for its level. */
  readonly levelName?: string;
  /** The name of the method says more than the level does. */
  readonly isNamed?: true;
  /** Prints through another method, where its text can be captured. */
  readonly isCaught?: true;
  /** Other methods print through it. */
  readonly catches?: true;
  /** Opens or closes a group. */
  readonly step?: 1 | -1;
  /**
   * The text, or undefined if nothing is printed.
   *
   * @param caught what was printed, if it was captured.
   */
  readonly text: (args: Arguments, tally: Tally, caught: string | undefined) => string | undefined;
  /** The arguments that are recorded. Default: all of them. */
  readonly values?: (args: Arguments) => Arguments;
}

const formatted = (args: Arguments) =>
  args.length === 1 && typeof args[0] === 'string' ? args[0] : format(...(args as unknown[]));
const labelOf = ([label = 'default']: Arguments) => `${label}`;
const first = (args: Arguments) => args.slice(0, 1);
const afterFirst = (args: Arguments) => args.slice(1);
const none = () => [];

/** The methods that log or print something, or that affect what others print. */
const METHODS = {
  log: { level: 'INFO', catches: true, text: formatted },
  info: { level: 'INFO', catches: true, text: formatted },
  debug: { level: 'DEBUG', catches: true, text: formatted },
  warn: { level: 'WARNING', levelName: 'warn', catches: true, text: formatted },
  error: { level: 'ERROR', catches: true, text: formatted },
  trace: { level: 'DEBUG', isNamed: true, isCaught: true, text: (_args, _tally, caught) => caught },
  assert: { level: 'ERROR', isNamed: true, isCaught: true, text: assertText, values: afterFirst },
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
  timeLog: { level: 'INFO', isNamed: true, isCaught: true, text: timeText, values: afterFirst },
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

/** What several calls of `log()` printed. */
export function caughtText(calls: readonly Arguments[]): string | undefined {
  return calls.length === 0 ? undefined : calls.map(formatted).join('\n');
}

/** As `console.trace()` prints it at the place where `caller` was called. */
export function traceText(args: Arguments, caller: (...args: unknown[]) => unknown): string {
  const trace: { name: string; message: string; stack?: unknown } = { name: 'Trace', message: format(...args) };
  Error.captureStackTrace(trace, caller);
  return formatted([trace.stack]);
}

/** For consoles without a capture: versions of Node differ here. */
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

/** Node's own table, for a console that draws a different one. */
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

/** Counters and timers for a console that does not print them through `log()`, such as Jest's. */
export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #startedMs = new Map<string, number>();

  count(label: string): number {
    const count = (this.#counts.get(label) ?? 0) + 1;
    this.#counts.set(label, count);
    return count;
  }

  /** Prints nothing, and neither does `time()`. */
  countReset(label: string): undefined {
    this.#counts.delete(label);
  }

  /** A running timer continues, as in Node. */
  time(label: string): undefined {
    if (!this.#startedMs.has(label)) this.#startedMs.set(label, performance.now());
  }

  /** Milliseconds; undefined if there is no such timer, in which case Node prints nothing. */
  elapsed(label: string): number | undefined {
    const startedMs = this.#startedMs.get(label);
    return startedMs === undefined ? undefined : performance.now() - startedMs;
  }

  timeEnd(label: string): void {
    this.#startedMs.delete(label);
  }
}

// Console calls that are made during another one: by the original method, by the code of arguments (getters, `toJSON`,
// `inspect.custom`), and by listeners. They are not recorded, so that nothing recurses forever, and the terminal shows
// the same as without Loghive.
//
//   none     ─ a call ─▶ print      its original method runs, or Loghive encodes: inner calls are printed
//            ─ a call ─▶ a Capture  the same for a method that prints through `this.log()`: its text is captured there
//   print    ─────────▶ drop       Loghive formats what was just printed: the same inner calls again, suppressed
//   all      ─────────▶ none       the call is over

/** What happens to an inner call. */
export type Nesting = 'none' | 'print' | 'drop' | Capture;

/** `table`, `count` and similar methods pass their text to `this.log()`, where it is captured as it is printed. */
export interface Capture {
  /** The arguments of each inner call so far. */
  readonly calls: (readonly unknown[])[];
  readonly prints: boolean;
  /** Printed instead of the text that the method passes, if both have the same first line. */
  readonly instead?: string | undefined;
}

// biome-ignore lint/complexity/noBannedTypes: any function that a console may have
type Call = { readonly original: Function; readonly self: unknown; readonly args: readonly unknown[] };

interface State {
  nesting: Nesting;
}

/** On a registered symbol, so that the import and the require copy of this package know of each other's calls. */
const KEY = Symbol.for('loghive.console.nesting.1');
const holder = globalThis as { [KEY]?: State };
holder[KEY] ??= { nesting: 'none' };

/** The state of the process. Every function that changes it restores it, even if something throws. */
export const state: State = holder[KEY];

/** Runs application code whose console calls are not recorded. */
export function unrecorded<T>(work: () => T): T {
  const outer = state.nesting;
  state.nesting = 'print';
  try {
    return work();
  } finally {
    state.nesting = outer;
  }
}

/** @param catches whether other methods print through this one. */
export function innerCall({ original, self, args }: Call, catches: boolean): unknown {
  const outer = state.nesting;
  if (outer === 'drop') return undefined;
  if (typeof outer === 'string' || !catches) return Reflect.apply(original, self, args);
  outer.calls.push(args);
  if (!outer.prints) return undefined;
  return unrecorded(() => Reflect.apply(original, self, printed(outer, args)));
}

function printed({ instead }: Capture, args: readonly unknown[]): readonly unknown[] {
  const [text] = args;
  const isIt = instead !== undefined && typeof text === 'string' && firstLine(text) === firstLine(instead);
  return isIt ? [instead] : args;
}

const firstLine = (text: string) => text.split('\n', 1)[0];
