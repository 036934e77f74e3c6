/** Runs work that Ctrl-C ends. The process then dies by that signal, so that a shell loop around the command stops too. */
import os from 'node:os';
import { onSignals, SIGNALS } from './shutdown-signals.js';

/**
 * @param work must settle soon after its signal is aborted; its errors are then ignored. A second signal ends the
 *   process at once.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  let received: NodeJS.Signals | undefined;
  onSignals(SIGNALS, (signal) => {
    if (received !== undefined) endBy(signal);
    received = signal;
    abort.abort();
  });
  try {
    await work(abort.signal);
  } catch (error) {
    if (received === undefined) throw error;
  }
  if (received !== undefined) endBy(received);
}

function endBy(signal: NodeJS.Signals): never {
  for (const each of SIGNALS) process.removeAllListeners(each);
  process.kill(process.pid, signal);
  // As process 1 of a container, a process does not die by its own signal.
  process.exit(128 + os.constants.signals[signal]);
}
