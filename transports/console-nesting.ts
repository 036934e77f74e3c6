/**
 * Console calls that are made while another one is under way: by what the original method calls, by the code of
 * arguments (getters, `toJSON`, `inspect.custom`) and by listeners. They make no record of their own, so that nothing ever
 * goes round in circles, and the terminal shows what it would have shown without Loghive.
 *
 *   none     ─ a call ─▶ print      its original method runs, or Loghive encodes: inner calls are printed
 *            ─ a call ─▶ a Capture  the same of a method that prints through `this.log()`: its own text is caught there
 *   print    ─────────▶ drop       Loghive formats what was printed just now: the same inner calls again, kept quiet
 *   all      ─────────▶ none       the call is over
 */

/** What happens to an inner call. */
export type Nesting = 'none' | 'print' | 'drop' | Capture;

/** `table`, `count` and their like hand their text to `this.log()`, which is where it can be had as it is printed. */
export interface Capture {
  /** The arguments of each inner call so far. */
  readonly calls: (readonly unknown[])[];
  readonly prints: boolean;
  /** A text whose first line it has in common with what the method hands over is printed in place of that. */
  readonly instead?: string | undefined;
}

// biome-ignore lint/complexity/noBannedTypes: whatever stands on a console
type Call = { readonly original: Function; readonly self: unknown; readonly args: readonly unknown[] };

interface State {
  nesting: Nesting;
}

/** On a registered symbol, so that the import and the require copy of this package know of each other's calls. */
const KEY = Symbol.for('loghive.console.nesting.1');
const holder = globalThis as { [KEY]?: State };
holder[KEY] ??= { nesting: 'none' };

/** Where the process is. Whoever enters another state leaves it again, whatever is thrown meanwhile. */
export const state: State = holder[KEY];

/** Runs code of the application's from which no console call is to be recorded. */
export function unrecorded<T>(work: () => T): T {
  const outer = state.nesting;
  state.nesting = 'print';
  try {
    return work();
  } finally {
    state.nesting = outer;
  }
}

/** @param catches whether the method is one that others print through. */
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
