/** The exit worker as the ending thread sees it: it is started, given something to send, and waited for. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { threadEnvironment } from '../config.js';
import { reasonOf } from '../errors.js';
import { now, type Part, type Said } from './handover.js';

interface Running {
  readonly worker: Worker;
  readonly port: MessageChannel['port1'];
  readonly rounds: Int32Array;
}

/** What `rounds` says once the worker has failed to load. */
const FAILED = -1;
/** Where `rounds` says that the worker runs. */
const RUNS = 1;

/** Run in the worker: nobody would hear that its file cannot be loaded. */
const LOAD = `const { port, rounds, file } = require('node:worker_threads').workerData;
Atomics.store(rounds, ${RUNS}, 1);
import(file).catch((error) => {
  port.postMessage({ fault: file + ' cannot be loaded: ' + error?.message });
  Atomics.store(rounds, 0, ${FAILED});
  Atomics.notify(rounds, 0);
});`;

export class ExitThread {
  /** Undefined: not started yet. */
  #running: Running | 'failed' | undefined;

  /**
   * Holds this thread up until the worker is done, or the time of every part is over. What it achieved stands in the parts.
   *
   * @returns sentences that say why something was not confirmed.
   */
  deliver(parts: readonly Part[]): string[] {
    // It was told once.
    if (this.#running === 'failed') return [];
    try {
      this.#running ??= start();
      const { worker, port, rounds } = this.#running;
      const round = Atomics.load(rounds, 0);
      worker.postMessage(parts);
      Atomics.wait(rounds, 0, round, Math.max(...parts.map(({ untilMs }) => untilMs)) - now());
      const faults = [...said(port)];
      if (Atomics.load(rounds, RUNS) === 0) return this.#failed('there is no sign of it within exitTimeoutMs');
      return Atomics.load(rounds, 0) === FAILED ? this.#failed(faults.join()) : faults;
    } catch (error) {
      return this.#failed(reasonOf(error));
    }
  }

  #failed(reason: string): string[] {
    this.#running = 'failed';
    return [
      `what is not confirmed at the end of the process cannot be sent, because the exit worker does not start: ${reason}. Await close() before the process ends.`,
    ];
  }
}

function* said(port: MessageChannel['port1']): Iterable<string> {
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: Said } | undefined;
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
    // What the application preloads by `--import` or NODE_OPTIONS would run in it once more.
    execArgv: [],
    env: threadEnvironment(),
  });
  worker.on('error', () => {});
  // Should the process live on after all: a program may emit `exit` by itself.
  worker.unref();
  port1.unref();
  return { worker, port: port1, rounds };
}

/** No thread starts in a working directory that is gone, as folders of old releases are. The process is about to end. */
function leaveDeletedFolder(): void {
  try {
    realpathSync.native('.');
  } catch {
    process.chdir('/');
  }
}

/** Beside this file; in a bundle beside the bundle, or where the package is installed. */
function workerFile(): string {
  // Bundlers make one of the two of no use, or both.
  const folder =
    import.meta.dirname ?? (typeof __dirname === 'string' ? __dirname : path.dirname(process.argv[1] ?? ''));
  // Of the package's two copies the module: Deno cannot load CommonJS that is new to it while the main thread waits.
  const module = path.join('..', '..', '..', 'esm', 'src', 'publisher', 'exit-worker.js');
  const names = [module, 'exit-worker.js', 'exit-worker.mjs', 'exit-worker.cjs'];
  const beside = names.map((name) => path.join(folder, name)).find(existsSync);
  if (beside !== undefined) return beside;
  try {
    return createRequire(path.join(folder, 'bundle.js')).resolve('loghive/exit-worker');
  } catch {
    throw new Error(
      `there is no exit-worker.js in ${folder} (in a bundle, add loghive/exit-worker as an entry of its own)`,
    );
  }
}
