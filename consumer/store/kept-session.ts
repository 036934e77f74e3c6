/**
 * One connection to PostgreSQL, opened when it is needed and again after it was lost. Work may be asked for at any time; it
 * is carried out one after the other, for statements of one connection must not overlap.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LoghiveError } from '../../src/errors.js';
import { type DatabaseSession, openSession, type SessionSettings } from './connect.js';
import type { DatabaseTarget } from './database-url.js';
import { asFault, isStorageFault, storageUnavailable } from './storage-fault.js';
import { verdictOf } from './verdict.js';

export interface KeptSession {
  /** The open connection, or a new one: for work that `inTurn` carries out. */
  current(): Promise<DatabaseSession>;
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** In turn. Whatever keeps it from being done is LoghiveError LOGHIVE_STORAGE_UNAVAILABLE. */
  guarded<T>(work: () => Promise<T>): Promise<T>;
  /** In turn, guarded, with the connection. Where that broke the work is done once more: it must be safe to repeat. */
  run<T>(work: (session: DatabaseSession) => Promise<T>): Promise<T>;
  /** In turn: ends the connection, which is opened again when it is needed. */
  release(): Promise<void>;
  /** Aborted when it is closed: whatever else is under way gives up. */
  readonly closing: AbortSignal;
  /** Waits for the work under way, three seconds at most; then ends it and the connection. Never rejects. */
  close(waiting?: CloseWaiting): Promise<void>;
}

export interface CloseWaiting {
  /** Waited for as well. */
  readonly others?: Promise<unknown>;
  /** Default 3000. */
  readonly patienceMs?: number;
}

const CLOSE_PATIENCE_MS = 3000;

/** @param onOpened called with each new connection. */
export function keepSession(
  target: DatabaseTarget,
  settings: SessionSettings,
  onOpened: (session: DatabaseSession) => void = () => {},
): KeptSession {
  let session: DatabaseSession | undefined;
  let closed = false;
  const abort = new AbortController();
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work);
    // Whoever asked for it hears of its failure; the next one only waits for its end.
    last = turn.catch(() => undefined);
    return turn;
  }

  async function current(): Promise<DatabaseSession> {
    if (closed) throw storageUnavailable('the store is closed.');
    if (session?.isOpen()) return session;
    session = await openSession(target, settings, abort.signal);
    if (closed) {
      session.destroy();
      throw storageUnavailable('the store was closed meanwhile.');
    }
    onOpened(session);
    return session;
  }

  /** A connection that broke is opened again once: it may have been idle for long, and repeating is safe. */
  async function withSession<T>(work: (session: DatabaseSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const open = await current();
      try {
        return await work(open);
      } catch (error) {
        // After a failure the next one starts afresh: the primary may be another host by then.
        open.destroy();
        if (attempt === 1 && !isStorageFault(error) && verdictOf(error) === 'reconnect') continue;
        throw asFault(error, open.place);
      }
    }
  }

  const guarded = <T>(work: () => Promise<T>) =>
    inTurn(work).catch((error) => {
      throw asUnavailable(error);
    });

  return {
    current,
    inTurn,
    guarded,
    run: (work) => guarded(() => withSession(work)),
    release: () =>
      inTurn(async () => {
        if (session?.isOpen()) await session.end();
      }),
    closing: abort.signal,
    async close({ others, patienceMs = CLOSE_PATIENCE_MS } = {}) {
      if (closed) return;
      const underWay = Promise.all([last, others]);
      await Promise.race([underWay, delay(patienceMs, undefined, { ref: false })]);
      closed = true;
      abort.abort();
      if (session?.isOpen()) await session.end();
    },
  };
}

/** While the consumer runs, a broken certificate is a reason to wait like any other. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof LoghiveError) || error.code === 'LOGHIVE_STORAGE_UNAVAILABLE') return error;
  return storageUnavailable(isStorageFault(error) ? error.reason : error.message, { cause: error });
}
