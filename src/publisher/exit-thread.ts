/** The exit worker, seen from the ending thread: starts it, passes it what to send, and waits for it. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { threadEnvironment } from '../config.js';
import { reasonOf } from '../errors.js';
import { type FaultReport, now, type Part } from './handover.js';

interface Running {
  readonly worker: Worker;
  readonly port: MessageChannel['port1'];
  readonly rounds: Int32Array;
}

/** Value of `rounds[0]` if the worker failed to load. */
const FAILED = -1;
/** Index in `rounds` of the flag that the worker has started. */
const RUNS = 1;

/** Runs in the worker: without it, a failure to load its file would go unnoticed. */
const LOAD = `const { port, rounds, file } = require('node:worker_threads').workerData;
Atomics.store(rounds, ${RUNS}, 1);
import(file).catch((error) => {
  port.postMessage({ fault: file + ' cannot be loaded: ' + error?.message });
  Atomics.store(rounds, 0, ${FAILED});
  Atomics.notify(rounds, 0);
});`;

export class ExitThread {
  /** Undefined until it is started. */
  #running: Running | 'failed' | undefined;

  /**
   * Blocks this thread until the worker is done, or the time of every part is over. The results are in the parts.
   *
   * @returns the reasons for which something was not confirmed.
   */
  deliver(parts: readonly Part[]): string[] {
    // It was reported already.
    if (this.#running === 'failed') return [];
    try {
      this.#running ??= start();
      const { worker, port, rounds } = this.#running;
      const round = Atomics.load(rounds, 0);
      worker.postMessage(parts);
      Atomics.wait(rounds, 0, round, Math.max(...parts.map(({ untilMs }) => untilMs)) - now());
      const faults = [...reportedFaults(port)];
      if (Atomics.load(rounds, RUNS) === 0) return this.#failed('no sign of it within exitTimeoutMs');
      return Atomics.load(rounds, 0) === FAILED ? this.#failed(faults.join()) : faults;
    } catch (error) {
      return this.#failed(reasonOf(error));
    }
  }

  #failed(reason: string): string[] {
    this.#running = 'failed';
    return [
      `records that are not confirmed at the end of the process cannot be sent, because the exit worker does not start: ${reason}. Await close() before the process ends.`,
    ];
  }
}

function* reportedFaults(port: MessageChannel['port1']): Iterable<string> {
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: FaultReport } | undefined;
    if (!received) return;
    yield received.message.fault;
  }
}

function start(): Running {
  const { port1, port2 } = new MessageChannel();
  const rounds = new Int32Array(new SharedArrayBuffer(8));
  const file = pathToFileURL(workerFile()).href;
  leaveDeletedFolder();
  const worker = new Worker(LOAD, {
    eval: true,
    name: 'loghive exit worker',
    workerData: { port: port2, rounds, file },
    transferList: [port2],
    // Modules that the application preloads by `--import` or NODE_OPTIONS must not run again here.
    execArgv: [],
    env: threadEnvironment(),
  });
  worker.on('error', () => {});
  // The process may continue: a program may emit `exit` itself.
  worker.unref();
  port1.unref();
  return { worker, port: port1, rounds };
}

/**
 * No thread can start in a deleted working directory, such as the folder of an old release. The process is about to
 * end anyway.
 */
function leaveDeletedFolder(): void {
  try {
    realpathSync.native('.');
  } catch {
    process.chdir('/');
  }
}

/** Next to this file; in a bundle next to the bundle, or where the package is installed. */
function workerFile(): string {
  // A bundler may replace either of the two by a wrong value, or both.
  const folder =
    import.meta.dirname ?? (typeof __dirname === 'string' ? __dirname : path.dirname(process.argv[1] ?? ''));
  // The ESM copy of the package: Deno cannot load new CommonJS modules while the main thread waits.
  const module = path.join('..', '..', '..', 'esm', 'src', 'publisher', 'exit-worker.js');
  const names = [module, 'exit-worker.js', 'exit-worker.mjs', 'exit-worker.cjs'];
  const beside = names.map((name) => path.join(folder, name)).find(existsSync);
  if (beside !== undefined) return beside;
  try {
    return createRequire(path.join(folder, 'bundle.js')).resolve('loghive/exit-worker');
  } catch {
    throw new Error(
      `there is no exit-worker.js in ${folder} (when bundling, add loghive/exit-worker as a separate entry)`,
    );
  }
}
