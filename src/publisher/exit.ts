/**
 * The end of the process. The only file, apart from cli/, that listens to signals and exit hooks.
 *
 *   end of the script  `beforeExit`: flush within exitTimeoutMs, then close the connection gracefully.
 *   SIGTERM, SIGINT,   The same; then the signal is raised again, so that the exit status stays the same.
 *   SIGHUP             If the application has a handler, the signal is left to it.
 *   a second signal    Stops waiting.
 *   `exit`             After process.exit() or an exception: the exit worker sends what is left.
 *   a handler of       Ends the process without `exit`. Handled like `exit`.
 *   uncaughtException
 *   that throws
 */
import os from 'node:os';
import type { DropCounter } from './drop-counter.js';
import { LastFlush } from './last-flush.js';
import type { Publisher } from './publisher.js';

// Also under nohup: Node resets an ignored SIGHUP to the default action when it starts.
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** How long a signal is left to the application's own handlers if the process continues, in milliseconds. */
const ASIDE_MS = 10_000;

/** Node's exit code after a handler of uncaughtException has thrown. */
const HANDLER_THREW = 7;

/** Deno does not emit `exit` after an exception. */
const IS_DENO = 'Deno' in globalThis;

export interface ExitHooks {
  /** Flushes the publisher at the end of the process, and reports what it loses. */
  add(publisher: Publisher): void;
  remove(publisher: Publisher): void;
  /** Reports drops of a closed publisher. Does not keep the publisher in memory. */
  reportAtExit(drops: DropCounter): void;
  /** Also runs the `exit` listeners of others where Node does not: on signals, and after a handler that throws. */
  emitExitAlways(): void;
}

const KEY = Symbol.for('loghive.exit.1');

/** The hooks of this process or thread, shared by the import and the require copy of this package. */
export function exitHooks(): ExitHooks {
  const holder = globalThis as { [KEY]?: ExitHooks };
  holder[KEY] ??= createExitHooks();
  return holder[KEY];
}

function createExitHooks(): ExitHooks {
  const publishers = new Set<Publisher>();
  const late = new Set<DropCounter>();
  const lastFlush = new LastFlush();
  /** Signals that the application's own handlers are handling. */
  const aside = new Map<Signal, NodeJS.Timeout>();
  let ending: Promise<void> | undefined;
  let stopWatchingKill = () => {};
  let emitsExit = false;
  const wantsSignals = () => emitsExit || [...publishers].some(({ config }) => config.handleSignals);

  async function beforeExit(): Promise<void> {
    lastFlush.begin();
    await Promise.allSettled([...publishers].map(flushOrClose));
    if (!ending) lastFlush.cancel();
  }

  /**
   * Runs before the application's listeners: one of them may throw or call process.exit(), and the later ones are not
   * called then. Everything that they log is sent or reported immediately.
   */
  function exitFirst(): void {
    lastFlush.flush(publishers, false);
    for (const publisher of publishers) publisher.sendAtOnce(() => lastFlush.flush([publisher], true));
    // Runs only if the process continues: a program may emit `exit` itself.
    setImmediate(() => {
      for (const publisher of publishers) publisher.sendAtOnce(undefined);
    }).unref();
  }

  /** Runs after the application's listeners, which may have created a publisher. */
  function exitLast(): void {
    exitFirst();
    for (const drops of late) drops.reportImmediately();
  }

  async function end(signal: Signal): Promise<void> {
    lastFlush.begin();
    // All flush before any of them is closed, so that records that are logged while one still waits are sent as well.
    await Promise.allSettled([...publishers].map((each) => each.flushWithin(each.config.exitTimeoutMs)));
    await Promise.allSettled([...publishers].map((each) => each.rest()));
    raise(signal);
  }

  function onSignal(name: NodeJS.Signals): void {
    const signal = name as Signal;
    if (handlersOfTheApplication(signal) > 0) {
      stepAside(signal);
    } else if (ending) {
      lastFlush.cut();
      for (const publisher of publishers) publisher.cutWaiting();
    } else {
      ending = end(signal);
    }
  }

  /**
   * Some libraries end the process only if nobody else listens, so each side would wait for the other. The library then
   * ends the process through `exit`, or removes its listener and raises the signal again.
   */
  function stepAside(signal: Signal): void {
    process.removeListener(signal, onSignal);
    for (const publisher of publishers) publisher.hurry();
    if (aside.size === 0) stopWatchingKill = watchKill(beforeKill);
    const back = () => {
      aside.delete(signal);
      if (aside.size === 0) stopWatchingKill();
      if (!ending) lastFlush.cancel();
      if (wantsSignals()) listenTo(signal);
    };
    clearTimeout(aside.get(signal));
    aside.set(signal, setTimeout(back, ASIDE_MS).unref());
  }

  /** The process is about to send itself a signal. Without listeners it dies before anything else runs. */
  function beforeKill(signal: string): void {
    const isDeadly = aside.has(signal as Signal) && process.listenerCount(signal) === 0;
    // PID 1 of a container does not die of it.
    if (isDeadly && process.pid !== 1) emitExit(codeOf(signal as Signal));
  }

  /** Node does not emit it when the process ends now. */
  function emitExit(code: number): void {
    if (emitsExit) process.emit('exit', code);
    else exitLast();
  }

  /** First in the list: a handler set by `once` is already removed when it is called. */
  function listenTo(signal: Signal): void {
    if (aside.has(signal)) return;
    process.removeListener(signal, onSignal);
    process.prependListener(signal, onSignal);
  }

  function stopListening(): void {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }

  function listenToExit(): void {
    stopListeningToExit();
    process.prependListener('exit', exitFirst);
    process.on('exit', exitLast);
    listenToExceptions();
  }

  function listenToExceptions(): void {
    process.removeListener('uncaughtExceptionMonitor', onException);
    process.prependListener('uncaughtExceptionMonitor', onException);
  }

  function stopListeningToExit(): void {
    process.removeListener('exit', exitFirst);
    process.removeListener('exit', exitLast);
    if (!emitsExit) process.removeListener('uncaughtExceptionMonitor', onException);
  }

  /** Runs just before the application's handlers. */
  function onException(): void {
    if (process.listenerCount('uncaughtException') > 0) watchHandlers(() => emitExit(HANDLER_THREW));
    else if (IS_DENO) exitLast();
  }

  function raise(signal: Signal): void {
    const code = codeOf(signal);
    // The kernel does not deliver a signal with its default action to PID 1 of a container: exit with the same code
    // instead.
    if (process.pid === 1) process.exit(code);
    // Without our listener, signal-exit calls its listeners and raises the signal again. What they log is sent then.
    if (signalExitListeners() > 0 && process.listenerCount(signal) > 1) {
      ending = undefined;
      stepAside(signal);
      process.kill(process.pid, signal);
      return;
    }
    try {
      // Flush first: without our listeners, another signal ends the process immediately.
      emitExit(code);
    } finally {
      stopListening();
      process.kill(process.pid, signal);
    }
  }

  return {
    add(publisher) {
      process.removeListener('beforeExit', beforeExit);
      process.on('beforeExit', beforeExit);
      publishers.add(publisher);
      listenToExit();
      if (publisher.config.handleSignals) for (const name of SIGNALS) listenTo(name);
    },
    remove(publisher) {
      publishers.delete(publisher);
      if (ending) return;
      if (publishers.size === 0) process.removeListener('beforeExit', beforeExit);
      if (publishers.size + late.size === 0) stopListeningToExit();
      if (!wantsSignals()) stopListening();
    },
    emitExitAlways() {
      emitsExit = true;
      listenToExceptions();
      for (const name of SIGNALS) listenTo(name);
    },
    reportAtExit(drops) {
      if (late.has(drops)) return;
      late.add(drops);
      listenToExit();
    },
  };
}

/** The exit code that a shell reports. */
function codeOf(signal: Signal): number {
  return 128 + os.constants.signals[signal];
}

/**
 * Number of the application's listeners. Those of the package signal-exit, which many packages depend on, do not
 * count: they act only if nobody else listens, so each side would leave the signal to the other. Once ours is removed
 * they act as usual.
 */
function handlersOfTheApplication(signal: Signal): number {
  return process.listenerCount(signal) - 1 - signalExitListeners();
}

/** How many listeners signal-exit has for each of our signals. */
function signalExitListeners(): number {
  const version4 = (globalThis as Record<symbol, { count?: unknown } | undefined>)[Symbol.for('signal-exit emitter')];
  const version3 = (process as { __signal_exit_emitter__?: { count?: unknown } }).__signal_exit_emitter__;
  const countOf = (emitter: { count?: unknown } | undefined) =>
    typeof emitter?.count === 'number' ? emitter.count : 0;
  return countOf(version4) + countOf(version3);
}

/**
 * Calls back before this process sends itself a signal.
 *
 * @returns stops watching.
 */
function watchKill(before: (signal: string) => void): () => void {
  const { kill } = process;
  const watched: typeof kill = (pid, signal = 'SIGTERM') => {
    const { signals } = os.constants;
    const name = typeof signal === 'string' ? signal : Object.entries(signals).find(([, each]) => each === signal)?.[0];
    try {
      if (Number(pid) === process.pid && name !== undefined) before(name);
    } finally {
      // Even if a listener of `exit` throws, the process dies of the signal.
      kill.call(process, pid, signal);
    }
    return true;
  };
  // Does nothing on a frozen `process`.
  Reflect.set(process, 'kill', watched);
  return () => {
    // Another wrapper may be around it.
    if (process.kill === watched) process.kill = kill;
  };
}

/** Calls back when a handler of the exception about to be emitted throws. A handler cannot observe that itself. */
function watchHandlers(threw: () => void): void {
  // Node calls the application's capture callback instead.
  if (process.hasUncaughtExceptionCaptureCallback()) return;
  const { emit } = process;
  const watched = (...args: unknown[]): unknown => {
    const pass = () => Reflect.apply(emit, process, args);
    if (args[0] !== 'uncaughtException') return pass();
    if (process.emit === watched) restore();
    try {
      return pass();
    } catch (error) {
      try {
        threw();
      } catch {
        // A listener of `exit` threw. The error of the handler is the one that ends the process.
      }
      throw error;
    }
  };
  const isOwn = Object.hasOwn(process, 'emit');
  // Otherwise it is inherited, and must follow its prototype again.
  const restore = () => (isOwn ? Reflect.set(process, 'emit', emit) : Reflect.deleteProperty(process, 'emit'));
  Reflect.set(process, 'emit', watched);
}

/** Node emits `beforeExit` again after asynchronous work, so this runs until nothing is left. */
async function flushOrClose(publisher: Publisher): Promise<void> {
  if (publisher.isIdle) await publisher.rest();
  else await publisher.flushOrGiveUp();
}
