/**
 * The end of the process. The only file, beside cli/, that listens to signals and exit hooks.
 *
 *   end of the script  `beforeExit`: flush within exitTimeoutMs, then close the connection in order.
 *   SIGTERM, SIGINT,   the same, then the signal is raised again, so that the process dies of it as it would have.
 *   SIGHUP             A handler of the application's own stays in charge: nothing is added to what it does.
 *   a second signal    cuts the waiting to zero.
 *   `exit`             by process.exit() or an exception as well: nothing can be sent any more; what is lost is told.
 */
import os from 'node:os';
import type { Publisher } from './publisher.js';
import type { ShedLedger } from './shed.js';

// Under nohup as well: Node itself sets an ignored SIGHUP back to the default action when it starts.
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

export interface ExitHooks {
  /** From now on it is flushed at the end, and what it loses is told. */
  add(publisher: Publisher): void;
  /** It was closed. */
  remove(publisher: Publisher): void;
  /** Of a publisher that was closed and has to tell something all the same. Needs no more of it than this. */
  tellAtExit(shed: ShedLedger): void;
}

export function createExitHooks(): ExitHooks {
  const publishers = new Set<Publisher>();
  const late = new Set<ShedLedger>();
  let ending: Promise<void> | undefined;

  function beforeExit(): void {
    for (const publisher of publishers) void settle(publisher);
  }

  function exit(): void {
    for (const publisher of [...publishers]) publisher.abandon();
    for (const shed of [...late]) shed.tellAtTheVeryEnd();
  }

  async function end(signal: Signal): Promise<void> {
    // All of them together: what is logged while one still waits is not too late for another.
    await Promise.allSettled([...publishers].map((each) => each.flushWithin(each.config.exitTimeoutMs)));
    await Promise.allSettled([...publishers].map((each) => each.close(0, false)));
    raise(signal);
  }

  function onSignal(name: NodeJS.Signals): void {
    const signal = name as Signal;
    if (handlersOfTheApplication(signal) > 0) return;
    if (ending) {
      for (const publisher of publishers) publisher.cutWaiting();
    } else {
      ending = end(signal);
    }
  }

  /** Behind the listeners that the application has by now: what they log is told as well. */
  function listenToExit(): void {
    process.removeListener('exit', exit);
    process.on('exit', exit);
  }

  function raise(signal: Signal): void {
    // Told first: without our listeners, one signal more ends the process on the spot.
    exit();
    for (const name of SIGNALS) process.removeListener(name, onSignal);
    // The kernel does not deliver a default-action signal to PID 1 of a container: exit with the code it would have had.
    if (process.pid === 1) process.exit(128 + os.constants.signals[signal]);
    process.kill(process.pid, signal);
  }

  return {
    add(publisher) {
      if (publishers.size === 0) process.on('beforeExit', beforeExit);
      publishers.add(publisher);
      listenToExit();
      if (!publisher.config.handleSignals) return;
      for (const name of SIGNALS) {
        process.removeListener(name, onSignal);
        // First of all: a handler that was set by `once` is gone from the list when it is called.
        process.prependListener(name, onSignal);
      }
    },
    remove(publisher) {
      publishers.delete(publisher);
      if (ending) return;
      if (publishers.size === 0) process.removeListener('beforeExit', beforeExit);
      if (publishers.size + late.size === 0) process.removeListener('exit', exit);
      if ([...publishers].some(({ config }) => config.handleSignals)) return;
      for (const name of SIGNALS) process.removeListener(name, onSignal);
    },
    tellAtExit(shed) {
      if (late.has(shed)) return;
      late.add(shed);
      listenToExit();
    },
  };
}

/**
 * Listeners beside ours. Those of the package signal-exit, which half of npm brings along, do not count: they act only
 * when nobody else listens, so each side would leave the signal to the other. Ours gone, they act as ever.
 */
function handlersOfTheApplication(signal: Signal): number {
  const version4 = (globalThis as Record<symbol, { count?: unknown } | undefined>)[Symbol.for('signal-exit emitter')];
  const version3 = (process as { __signal_exit_emitter__?: { count?: unknown } }).__signal_exit_emitter__;
  const bystanders = [version4, version3].map((emitter) => (typeof emitter?.count === 'number' ? emitter.count : 0));
  return process.listenerCount(signal) - 1 - bystanders[0]! - bystanders[1]!;
}

/** Node emits `beforeExit` again whenever something was still done, so this runs until there is nothing left to do. */
async function settle(publisher: Publisher): Promise<void> {
  if (publisher.isIdle) await publisher.rest();
  else await publisher.flushOrGiveUp();
}
