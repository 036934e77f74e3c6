/**
 * The end of the process. The only file, beside cli/, that listens to signals and exit hooks.
 *
 *   end of the script  `beforeExit`: flush within exitTimeoutMs, then close the connection in order.
 *   SIGTERM, SIGINT,   the same, then the signal is raised again, so that the process dies of it as it would have.
 *   SIGHUP             A handler of the application's own stays in charge: nothing is added to what it does.
 *   a second signal    cuts the waiting to zero.
 *   `exit`             by process.exit() or an exception as well: the exit worker sends what is left.
 *   a handler of       ends the process without `exit`: the same then.
 *   uncaughtException
 *   that throws
 */
import os from 'node:os';
import type { DropCounter } from './drop-counter.js';
import { LastFlush } from './last-flush.js';
import type { Publisher } from './publisher.js';

// Under nohup as well: Node itself sets an ignored SIGHUP back to the default action when it starts.
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** How long a signal is left to the application's own handlers, should the process live on. */
const ASIDE_MS = 10_000;

/** Of Node, where a handler of uncaughtException has thrown. */
const HANDLER_THREW = 7;

/** Deno ends by an exception without the event `exit`. */
const IS_DENO = 'Deno' in globalThis;

export interface ExitHooks {
  /** From now on it is flushed at the end, and what it loses is told. */
  add(publisher: Publisher): void;
  /** It was closed. */
  remove(publisher: Publisher): void;
  /** Of a publisher that was closed and has to tell something all the same. Needs no more of it than this. */
  tellAtExit(drops: DropCounter): void;
  /** From now on the `exit` listeners of others run as well where Node does not call them: at signals, and where a handler throws. */
  emitExitAlways(): void;
}

const KEY = Symbol.for('loghive.exit.1');

/** Those of this process, or thread: the import and the require copy of this package meet in them. */
export function exitHooks(): ExitHooks {
  const holder = globalThis as { [KEY]?: ExitHooks };
  holder[KEY] ??= createExitHooks();
  return holder[KEY];
}

function createExitHooks(): ExitHooks {
  const publishers = new Set<Publisher>();
  const late = new Set<DropCounter>();
  const lastFlush = new LastFlush();
  /** Signals that the application's own handlers are busy with. */
  const aside = new Map<Signal, NodeJS.Timeout>();
  let ending: Promise<void> | undefined;
  let stopWatchingKill = () => {};
  let emitsExit = false;
  const wantsSignals = () => emitsExit || [...publishers].some(({ config }) => config.handleSignals);

  async function beforeExit(): Promise<void> {
    lastFlush.begin();
    await Promise.allSettled([...publishers].map(settle));
    if (!ending) lastFlush.begunInVain();
  }

  /**
   * Before the listeners of the application: one of them may throw or call process.exit(), and none behind it is called. So
   * what they log is sent, or told, as it comes.
   */
  function exitFirst(): void {
    lastFlush.flush(publishers, false);
    for (const publisher of publishers) publisher.sendAtOnce(() => lastFlush.flush([publisher], true));
    // Never where the process ends; a program may emit `exit` by itself.
    setImmediate(() => {
      for (const publisher of publishers) publisher.sendAtOnce(undefined);
    }).unref();
  }

  /** Behind those that the application has by now: it may have made a publisher in one of them. */
  function exitLast(): void {
    exitFirst();
    for (const drops of late) drops.tellAtTheVeryEnd();
  }

  async function end(signal: Signal): Promise<void> {
    lastFlush.begin();
    // All of them together: what is logged while one still waits is not too late for another.
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
   * Libraries that have something to finish end the process only if nobody else listens, and would wait for us as we for
   * them. Whoever ends it ends it by `exit`, or takes its listener away and raises the signal again.
   */
  function stepAside(signal: Signal): void {
    process.removeListener(signal, onSignal);
    for (const publisher of publishers) publisher.hurry();
    if (aside.size === 0) stopWatchingKill = watchKill(beforeKill);
    const back = () => {
      aside.delete(signal);
      if (aside.size === 0) stopWatchingKill();
      if (!ending) lastFlush.begunInVain();
      if (wantsSignals()) listenTo(signal);
    };
    clearTimeout(aside.get(signal));
    aside.set(signal, setTimeout(back, ASIDE_MS).unref());
  }

  /** The process raises a signal in itself. Where nobody listens it is gone before anything else runs. */
  function beforeKill(signal: string): void {
    const isDeadly = aside.has(signal as Signal) && process.listenerCount(signal) === 0;
    // PID 1 of a container does not die of it.
    if (isDeadly && process.pid !== 1) emitExit(codeOf(signal as Signal));
  }

  /** Node itself does not, where the process ends now. */
  function emitExit(code: number): void {
    if (emitsExit) process.emit('exit', code);
    else exitLast();
  }

  /** First of all: a handler that was set by `once` is gone from the list when it is called. */
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
    // First: a listener of the application's own that throws ends the process on the spot.
    process.prependListener('uncaughtExceptionMonitor', onException);
  }

  function stopListeningToExit(): void {
    process.removeListener('exit', exitFirst);
    process.removeListener('exit', exitLast);
    if (!emitsExit) process.removeListener('uncaughtExceptionMonitor', onException);
  }

  /** Right before the handlers of the application are called. */
  function onException(): void {
    if (process.listenerCount('uncaughtException') > 0) watchHandlers(() => emitExit(HANDLER_THREW));
    else if (IS_DENO) exitLast();
  }

  function raise(signal: Signal): void {
    const code = codeOf(signal);
    // The kernel does not deliver a default-action signal to PID 1 of a container: exit with the code it would have had.
    if (process.pid === 1) process.exit(code);
    // Alone now, signal-exit calls those who asked it to, and raises the signal again: what they log is sent then.
    if (signalExitListeners() > 0 && process.listenerCount(signal) > 1) {
      ending = undefined;
      stepAside(signal);
      process.kill(process.pid, signal);
      return;
    }
    try {
      // Flushed first: without our listeners, one signal more ends the process on the spot.
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
    tellAtExit(drops) {
      if (late.has(drops)) return;
      late.add(drops);
      listenToExit();
    },
  };
}

/** What a shell makes of it. */
function codeOf(signal: Signal): number {
  return 128 + os.constants.signals[signal];
}

/**
 * Listeners beside ours. Those of the package signal-exit, which half of npm brings along, do not count: they act only
 * when nobody else listens, so each side would leave the signal to the other. Ours gone, they act as ever.
 */
function handlersOfTheApplication(signal: Signal): number {
  return process.listenerCount(signal) - 1 - signalExitListeners();
}

/** How many listeners signal-exit has at each of our signals. */
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
 * @returns ends it.
 */
function watchKill(before: (signal: string) => void): () => void {
  const { kill } = process;
  const watched: typeof kill = (pid, signal = 'SIGTERM') => {
    const { signals } = os.constants;
    const name = typeof signal === 'string' ? signal : Object.entries(signals).find(([, each]) => each === signal)?.[0];
    try {
      if (Number(pid) === process.pid && name !== undefined) before(name);
    } finally {
      // Whatever a listener of `exit` throws: the process dies of the signal.
      kill.call(process, pid, signal);
    }
    return true;
  };
  // On a frozen `process` nothing is watched.
  Reflect.set(process, 'kill', watched);
  return () => {
    // Somebody else may have put theirs around it.
    if (process.kill === watched) process.kill = kill;
  };
}

/** Calls back when a handler of the exception that is about to be emitted throws. A handler by itself cannot see that. */
function watchHandlers(threw: () => void): void {
  // Then a function of the application's own is called instead.
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
        // A listener of `exit`. What the handler has thrown is what ends the process.
      }
      throw error;
    }
  };
  const isOwn = Object.hasOwn(process, 'emit');
  // Else it is inherited, and must follow its prototype again.
  const restore = () => (isOwn ? Reflect.set(process, 'emit', emit) : Reflect.deleteProperty(process, 'emit'));
  Reflect.set(process, 'emit', watched);
}

/** Node emits `beforeExit` again whenever something was still done, so this runs until there is nothing left to do. */
async function settle(publisher: Publisher): Promise<void> {
  if (publisher.isIdle) await publisher.rest();
  else await publisher.flushOrGiveUp();
}
