/**
 * One connection to PostgreSQL, opened on demand and reopened after a loss. Work is queued and runs one item at a time,
 * because statements of one connection must not overlap.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LoghiveError } from '../../src/errors.js';
import { type DatabaseSession, openSession, type SessionSettings } from './connect.js';
import type { DatabaseTarget } from './database-url.js';
import { actionFor } from './error-action.js';
import { asFault, isStorageFault, storageUnavailable } from './storage-fault.js';

export interface ReconnectingSession {
  /** The open connection, or a new one. Call it only from work that is queued. */
  current(signal?: AbortSignal): Promise<DatabaseSession>;
  /** Runs `work` after all work queued before it. */
  enqueue<T>(work: () => Promise<T>): Promise<T>;
  /** Like `enqueue`, but rejects every storage failure as LoghiveError LOGHIVE_STORAGE_UNAVAILABLE. */
  runOnce<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Runs `work` with the connection, and a second time if the connection broke, so it must be idempotent. Storage
   * failures reject as LOGHIVE_STORAGE_UNAVAILABLE; other LoghiveErrors of `work` pass unchanged.
   *
   * @param signal also ends the attempt to connect.
   */
  run<T>(work: (session: DatabaseSession) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Queued: closes the connection. It is reopened on demand. */
  release(): Promise<void>;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
  /** Waits for queued work up to the timeout, then closes the connection. Never rejects. */
  close(waiting?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  /** Other work to wait for. */
  readonly pending?: Promise<unknown>;
  /** Milliseconds. Default 3000. */
  readonly timeoutMs?: number;
}

const CLOSE_TIMEOUT_MS = 3000;

/** @param onOpened called with each new connection. */
export function createReconnectingSession(
  target: DatabaseTarget,
  settings: SessionSettings,
  onOpened: (session: DatabaseSession) => void = () => {},
): ReconnectingSession {
  let session: DatabaseSession | undefined;
  let closed = false;
  const abort = new AbortController();
  let last: Promise<unknown> = Promise.resolve();

  function enqueue<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(() => work());
    // The caller handles the failure; the next item only waits for the end.
    last = turn.catch(() => undefined);
    return turn;
  }

  async function current(signal?: AbortSignal): Promise<DatabaseSession> {
    if (closed) throw storageUnavailable('the store is closed.');
    if (session?.isOpen()) return session;
    session = await openSession(target, settings, signal ? AbortSignal.any([abort.signal, signal]) : abort.signal);
    if (closed) {
      session.destroy();
      throw storageUnavailable('the store was closed while connecting.');
    }
    onOpened(session);
    return session;
  }

  /** Retries once on a new connection: the old one may have been idle for long, and the work is idempotent. */
  async function withSession<T>(
    work: (session: DatabaseSession) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const open = await current(signal).catch((error) => {
        throw asUnavailable(error);
      });
      try {
        return await work(open);
      } catch (error) {
        // Loghive itself has refused or ended the work; the connection is fine.
        if (signal?.aborted || (error instanceof LoghiveError && !isStorageFault(error))) throw error;
        // Reconnect after a failure: the primary may be another host by now.
        open.destroy();
        if (attempt === 1 && !isStorageFault(error) && actionFor(error) === 'reconnect') continue;
        throw asFault(error, open.place);
      }
    }
  }

  const runOnce = <T>(work: () => Promise<T>) =>
    enqueue(work).catch((error) => {
      throw asUnavailable(error);
    });

  return {
    current,
    enqueue,
    runOnce,
    run: (work, signal) => enqueue(() => withSession(work, signal)),
    release: () =>
      enqueue(async () => {
        if (session?.isOpen()) await session.end();
      }),
    closing: abort.signal,
    async close({ pending, timeoutMs = CLOSE_TIMEOUT_MS } = {}) {
      if (closed) return;
      const inFlight = Promise.all([last, pending]);
      await Promise.race([inFlight, delay(timeoutMs, undefined, { ref: false })]);
      closed = true;
      abort.abort();
      if (session?.isOpen()) await session.end();
    },
  };
}

/** At run time a certificate problem pauses storage like any other failure. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof LoghiveError) || error.code === 'LOGHIVE_STORAGE_UNAVAILABLE') return error;
  return storageUnavailable(isStorageFault(error) ? error.reason : error.message, { cause: error });
}
