/**
 * Replaces and restores the methods of a console. A console has one patch, however many callers and copies of this
 * package ask for one. Each call is formatted once and passed to each destination.
 *
 *   no destination ─ add() ─▶ installed ─ the last destination is removed ─▶ restored
 *
 * A restored patch is not used again: a later destination gets a new one. A method that other code has replaced in the
 * meantime is not restored. Our wrapper, which that code may call, then only passes calls on, and is removed once the
 * other replacement is gone.
 */
import type { Redact } from '../src/fields/redact.js';
import { internalLogger } from '../src/internal-logger.js';
import type { Level } from '../src/level.js';
import type { Entry } from '../src/producer.js';
import type { NotAccepted } from '../src/publisher/drop-counter.js';
import { threwMark } from '../src/value/foreign-object.js';
import { entryOf, withoutSecrets } from './console-entry.js';
import {
  caughtText,
  innerCall,
  METHOD_NAMES,
  type MethodName,
  methodOf,
  state,
  Tally,
  traceText,
} from './console-methods.js';

type Method = (...args: unknown[]) => unknown;

/** Receives the records of a patched console. */
export interface Destination {
  /** Of the destinations with the same key, only the first one gets a record. */
  readonly key: string;
  /** Whether the console still prints. */
  readonly passThrough: boolean;
  log(entry: Entry): void;
  /** What this destination must not see, neither in the information nor in the message. */
  readonly redact: Redact | undefined;
  readonly notAccepted: NotAccepted;
}

/** A call whose original method has returned or thrown. */
interface FinishedCall {
  readonly name: MethodName;
  readonly args: readonly unknown[];
  /** Where it was called, for `trace`. */
  readonly stack: string | undefined;
  /** What it printed through other methods. */
  readonly inner: (readonly unknown[])[] | undefined;
}

/** An open group. */
interface Group {
  /** Its label, or ''. */
  readonly text: string;
  /** The label as each destination may see it. Holds only destinations that existed when the group began. */
  readonly shown: Map<Destination, string>;
}

interface Replaced {
  readonly wrapper: Method;
  /** Undefined if the console inherits the method from its prototype. */
  readonly descriptor: PropertyDescriptor | undefined;
}

/**
 * Number of group labels in a record: the innermost ones. Groups that are never closed must not make every later
 * record longer.
 */
const MAX_LABELS = 20;

/** On a registered symbol, so that the import and the require copy of this package share it. */
const KEY = Symbol.for('loghive.console.patches.1');
const holder = globalThis as { [KEY]?: WeakMap<Console, ConsolePatch> };

/** @returns removes the destination. Calling it again does nothing. */
export function addDestination(console: Console, destination: Destination): () => void {
  holder[KEY] ??= new WeakMap();
  const patches = holder[KEY];
  const patch = patches.get(console) ?? new ConsolePatch(console);
  patches.set(console, patch);
  patch.add(destination);
  return () => {
    patch.remove(destination);
    if (patch.isRestored && patches.get(console) === patch) patches.delete(console);
  };
}

/**
 * A constant of this file can be read without a function call. An import in compiled CommonJS is read by a getter,
 * which throws at the end of an exhausted stack. A call that could not reset the state would leave all later ones
 * unrecorded.
 */
const current = state;

class ConsolePatch {
  readonly #console: Console;
  readonly #replaced = new Map<MethodName, Replaced>();
  readonly #tally = new Tally();
  #state: 'installed' | 'restored' = 'installed';
  /** In the order in which they were added. */
  #all: readonly Destination[] = [];
  /** The first destination of each key. */
  #destinations: readonly Destination[] = [];
  #prints = true;
  #groups: readonly Group[] = [];
  /** The labels of the innermost groups that have one. */
  #labels: ReadonlyMap<Destination, readonly string[]> = new Map();

  constructor(console: Console) {
    this.#console = console;
    const fixed = METHOD_NAMES.filter((name) => typeof console[name] === 'function' && !this.#replace(name));
    if (fixed.length === 0) return;
    internalLogger.warning(
      `patchConsole: ${fixed.map((name) => `console.${name}`).join(', ')} cannot be replaced because the console is frozen; their calls are not recorded. Patch the console before it is frozen.`,
    );
  }

  get isRestored(): boolean {
    return this.#state === 'restored';
  }

  add(destination: Destination): void {
    this.#setDestinations([...this.#all, destination]);
  }

  remove(destination: Destination): void {
    this.#setDestinations(this.#all.filter((each) => each !== destination));
    if (this.#all.length > 0) return;
    this.#state = 'restored';
    for (const name of this.#replaced.keys()) this.#putBack(name);
  }

  #setDestinations(all: readonly Destination[]): void {
    this.#all = all;
    this.#destinations = all.filter(({ key }, at) => all.findIndex((each) => each.key === key) === at);
    this.#prints = all.every(({ passThrough }) => passThrough);
    this.#setGroups(this.#groups);
  }

  /** Returns false if the property can be neither written nor redefined. */
  #replace(name: MethodName): boolean {
    const descriptor = Object.getOwnPropertyDescriptor(this.#console, name);
    const wrapper = this.#wrapper(name, this.#console[name] as Method);
    const { configurable = true, enumerable = true, writable = true } = descriptor ?? {};
    const done = Reflect.defineProperty(this.#console, name, { value: wrapper, configurable, enumerable, writable });
    if (done) this.#replaced.set(name, { wrapper, descriptor });
    return done;
  }

  /** Only if the method is still ours. */
  #putBack(name: MethodName): void {
    const { wrapper, descriptor } = this.#replaced.get(name)!;
    if (Object.getOwnPropertyDescriptor(this.#console, name)?.value !== wrapper) return;
    if (descriptor) Reflect.defineProperty(this.#console, name, descriptor);
    else Reflect.deleteProperty(this.#console, name);
  }

  #wrapper(name: MethodName, original: Method): Method {
    const patch = this;
    const method = methodOf(name);
    const catches = method.catches === true;
    const named = {
      [name](this: unknown, ...args: unknown[]): unknown {
        const self = this ?? patch.#console;
        if (patch.isRestored) {
          patch.#putBack(name);
          return Reflect.apply(original, self, args);
        }
        if (current.nesting !== 'none') return innerCall({ original, self, args }, catches);
        return patch.#call(name, method.level, original, self, args);
      },
    } as Record<MethodName, Method>;
    return named[name];
  }

  #call(name: MethodName, level: Level, original: Method, self: unknown, args: readonly unknown[]): unknown {
    const inner = methodOf(name).isCaught ? [] : undefined;
    let stack: string | undefined;
    try {
      if (name === 'trace') stack = this.#stackOf(args);
      current.nesting = inner ? { calls: inner, prints: this.#prints, instead: stack } : 'print';
      // A method that prints through our other methods is always called: the text comes from there.
      return this.#prints || inner ? Reflect.apply(original, self, args) : undefined;
    } finally {
      // Even if the original threw: the call was made.
      try {
        this.#record({ name, args, stack, inner });
      } catch (error) {
        // The application called at the very end of its stack, where another function call would throw again.
        for (let at = 0; at < this.#destinations.length; at++) {
          const { notAccepted } = this.#destinations[at]!;
          notAccepted[level]++;
          notAccepted.error = error;
        }
      } finally {
        current.nesting = 'none';
      }
    }
  }

  /** Throws only if the stack is exhausted. */
  #record(call: FinishedCall): void {
    const text = this.#textOf(call);
    current.nesting = 'print';
    const { step } = methodOf(call.name);
    const group: Group | undefined = step === 1 ? { text: text ?? '', shown: new Map() } : undefined;
    if (text !== undefined) {
      for (const destination of this.#destinations) {
        const { log, redact } = destination;
        const whole = entryOf(call.name, text, call.args, this.#labels.get(destination) ?? []);
        const entry = redact ? this.#redacted(call, whole, redact) : whole;
        log(entry);
        group?.shown.set(destination, entry.message as string);
      }
    }
    if (group) this.#setGroups([...this.#groups, group]);
    else if (step === -1) this.#setGroups(this.#groups.slice(0, -1));
  }

  #redacted(call: FinishedCall, entry: Entry, redact: Redact): Entry {
    const { name, args } = call;
    const shown = withoutSecrets(methodOf(name).values?.(args) ?? args, entry, redact);
    if (!shown) return entry;
    const shownArgs = args.map((value) => (shown.has(value) ? shown.get(value) : value));
    const stack = call.stack && this.#stackOf(shownArgs);
    const message = this.#textOf({ name, args: shownArgs, stack, inner: undefined });
    current.nesting = 'print';
    return { ...entry, message };
  }

  #textOf({ name, args, stack, inner }: FinishedCall): string | undefined {
    try {
      // Suppresses what the arguments print while they are formatted: the original has just made them print it.
      current.nesting = this.#prints ? 'drop' : 'print';
      return methodOf(name).text(args, this.#tally, stack ?? (inner && caughtText(inner)));
    } catch (thrown) {
      return threwMark(thrown);
    }
  }

  /** Without our own frames, which Node would print now. */
  #stackOf(args: readonly unknown[]): string | undefined {
    try {
      current.nesting = this.#prints ? 'drop' : 'print';
      return traceText(args, this.#replaced.get('trace')!.wrapper);
    } catch {
      return undefined; // the original throws the same
    }
  }

  #setGroups(groups: readonly Group[]): void {
    this.#groups = groups;
    const labelsFor = (destination: Destination) =>
      groups.map((group) => labelOf(group, destination)).filter((label) => label !== '');
    this.#labels = new Map(this.#destinations.map((each) => [each, labelsFor(each).slice(-MAX_LABELS)]));
  }
}

/** A destination that was added later and has redaction gets no label. */
function labelOf({ text, shown }: Group, destination: Destination): string {
  return shown.get(destination) ?? (destination.redact ? '' : text);
}
