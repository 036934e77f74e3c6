/** Threads that never come to life, however often they are replaced: they are put in place of the real ones. */
import { afterEach, expect, test, vi } from 'vitest';
import type { ConsumerConfig } from '../../consumer/config.js';
import { noFigures } from '../../consumer/metrics/snapshot.js';
import { WorkerPool } from '../../consumer/pool.js';
import { noWorkerStatus } from '../../consumer/status.js';
import { StatusLog } from '../../src/status-log.js';

const threads = vi.hoisted(() => ({ areHeard: false, started: 0 }));

vi.mock('../../consumer/thread.js', () => ({
  workerFile: () => 'worker-thread.js',
  WorkerThread: class {
    lastHeardMs = performance.now();
    #silence = 1;
    readonly #events: { onDied: (reason: string) => void };
    constructor(_file: string, _config: object, _name: string, events: { onDied: (reason: string) => void }) {
      threads.started++;
      this.#events = events;
    }
    silence() {
      return threads.areHeard ? 0 : this.#silence++;
    }
    async kill(reason: string) {
      this.#events.onDied(reason);
    }
    connect() {}
    begin() {}
    add() {}
    pause() {}
    async stop() {}
    status = noWorkerStatus;
    figures = noFigures;
  },
}));

afterEach(() => {
  vi.useRealTimers();
});

test('that no thread comes to life is told after two minutes, and no longer when one does', async () => {
  vi.useFakeTimers();
  const ended = new AbortController();
  const nothing = () => {};
  const events = () => ({
    onState: nothing,
    onConsuming: nothing,
    onAnnounced: nothing,
    onAnnouncementsLost: nothing,
    onDeadLetters: nothing,
    onStored: nothing,
  });
  const pool = new WorkerPool({
    config: { workers: 2, maxServices: 10, prefetchBytes: 1, batchBytes: 1 } as ConsumerConfig,
    events,
    notices: new StatusLog(),
    signal: ended.signal,
  });
  pool.connect();
  await vi.advanceTimersByTimeAsync(119_000);
  // They were silent for a minute, and replaced.
  expect([pool.fault, threads.started]).toEqual([undefined, 4]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(pool.fault).toBe('no worker thread has responded for 120 s, nor have the threads started to replace them');
  threads.areHeard = true;
  await vi.advanceTimersByTimeAsync(5000);
  expect(pool.fault).toBeUndefined();
  ended.abort();
  await pool.stop();
});
