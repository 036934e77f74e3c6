/**
 * Opens a session with the first host of the list that takes writes. The only place where a `pg.Client` is made.
 */
import net from 'node:net';
import pg from 'pg';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { tlsFault } from '../../src/tls-fault.js';
import { begin } from './begin.js';
import { type CopyResult, copyIn } from './copy-in.js';
import type { DatabaseHost, DatabaseTarget } from './database-url.js';
import { passwordFor } from './pass-file.js';
import { tlsAttempts, tlsOptions } from './ssl-mode.js';
import { asFault, isStorageFault, type Place, storageUnavailable } from './storage-fault.js';

export interface SessionSettings {
  /** How long one host may take, in milliseconds; `connect_timeout` in the URL goes before it. */
  readonly connectTimeoutMs: number;
  /** How long any statement may stay without an answer before the connection is given up, in milliseconds; 0 is for ever. */
  readonly answerTimeoutMs: number;
  readonly schema: string;
}

/** One connection. Its statements must not overlap: each one waits for the one before. */
export interface DatabaseSession {
  /** @param answerTimeoutMs for a statement that may take longer than others; 0 is for ever. */
  query<R extends pg.QueryResultRow>(
    text: string,
    values?: unknown[],
    answerTimeoutMs?: number,
  ): Promise<pg.QueryResult<R>>;
  /** `statement` holds one `copy … from stdin`. */
  copy(statement: string, data: Iterable<Buffer>): Promise<CopyResult>;
  readonly place: Place;
  /** Of the database; what it cannot hold is a bad record. */
  readonly encoding: string;
  /** False once the connection has ended, from whichever side. */
  isOpen(): boolean;
  /** Ends the connection without waiting for anything; whatever is under way fails. */
  destroy(): void;
  /** Takes leave of the server, for at most a second. */
  end(): Promise<void>;
}

/**
 * @param signal gives the attempt up.
 * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE or LOGHIVE_STORAGE_TLS with `.reason` and `.sqlstate`;
 *   LOGHIVE_INVALID_OPTION for certificate files that cannot be used.
 */
export async function openSession(
  target: DatabaseTarget,
  settings: SessionSettings,
  signal?: AbortSignal,
): Promise<DatabaseSession> {
  const faults: unknown[] = [];
  for (const host of target.hosts) {
    try {
      return await openHost(target, host, settings, signal);
    } catch (error) {
      if (!isStorageFault(error)) throw error;
      faults.push(error);
      // As libpq: a server that knows us and says no would be answered the same by its twin.
      if (signal?.aborted || /^28|^3D/.test(error.sqlstate ?? '')) break;
    }
  }
  throw oneFault(faults.filter(isStorageFault));
}

function oneFault(faults: ReturnType<typeof storageUnavailable>[]): LoghiveError {
  const last = faults.at(-1)!;
  if (faults.length === 1) return last;
  const { sqlstate, code } = last;
  return storageUnavailable(faults.map((fault) => fault.reason).join(' | '), {
    code,
    cause: last,
    ...(sqlstate !== undefined && { sqlstate }),
  });
}

async function openHost(
  target: DatabaseTarget,
  host: DatabaseHost,
  settings: SessionSettings,
  signal: AbortSignal | undefined,
): Promise<DatabaseSession> {
  const attempts = tlsAttempts(target, host);
  for (const [index, tls] of attempts.entries()) {
    try {
      return await attempt(target, host, settings, tls, signal);
    } catch (error) {
      const next = attempts[index + 1];
      if (next === undefined || signal?.aborted || !mayFallBack(error))
        throw wrapped(error, placeOf(target, host, settings));
    }
  }
  throw new Error('unreachable: every host has an attempt');
}

/** libpq's `prefer` and `allow` go on when the other side refuses this kind of connection, not when it is absent. */
function mayFallBack(error: unknown): boolean {
  const { code } = error as { code?: string };
  if (code === 'ECONNRESET' || code === '28000' || tlsFault(error, '', '') !== undefined) return true;
  return /does not support SSL|establishing an SSL connection/.test(reasonOf(error));
}

function wrapped(error: unknown, place: Place): unknown {
  if (error instanceof LoghiveError) return error;
  const fault = tlsFault(error, 'sslrootcert', 'sslcert and sslkey');
  if (fault !== undefined) {
    return storageUnavailable(`${place.host} was reached, but ${fault}`, { code: 'LOGHIVE_STORAGE_TLS', cause: error });
  }
  return asFault(error, place);
}

function placeOf(target: DatabaseTarget, { host, port }: DatabaseHost, { schema }: SessionSettings): Place {
  const user = target.user ?? '(of the system)';
  const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return { host: at, user, database: target.database ?? user, schema };
}

async function attempt(
  target: DatabaseTarget,
  { host, port }: DatabaseHost,
  settings: SessionSettings,
  tls: boolean,
  signal: AbortSignal | undefined,
): Promise<DatabaseSession> {
  const { passFile } = target;
  const socket = new net.Socket();
  const client: pg.Client = new pg.Client({
    host,
    port,
    user: target.user,
    password: target.password ?? (passFile && (() => passwordFor(client, passFile))),
    database: target.database,
    application_name: target.applicationName ?? 'loghive',
    ssl: tls ? await tlsOptions(target) : false,
    sslnegotiation: target.directTls ? 'direct' : 'postgres',
    enableChannelBinding: target.requireChannelBinding,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    stream: () => socket,
  });
  // pg would take what the URL does not say from PGOPTIONS and PGREPLICATION, which poolers refuse.
  const startUp = client as unknown as { connectionParameters: { options?: string; replication?: string } };
  Object.assign(startUp.connectionParameters, { options: target.options, replication: undefined });
  let open = true;
  let endedBy: Error | undefined;
  // pg emits 'error' besides rejecting; without a listener the process would end.
  client.on('error', (error) => {
    open = false;
    endedBy ??= error;
  });
  client.on('end', () => (open = false));
  // The socket only: a client that was told to end leaves whoever waits for its connecting without an answer.
  const giveUp = () => socket.destroy();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    giveUp();
  }, target.connectTimeoutMs ?? settings.connectTimeoutMs);
  const destroy = () => {
    open = false;
    // Marks the client as ending, so that what happens to the socket is no error any more.
    client.end().catch(() => undefined);
    socket.destroy();
  };
  signal?.addEventListener('abort', giveUp);
  try {
    signal?.throwIfAborted();
    const bindingOffered = target.requireChannelBinding ? channelBindingOffered(client) : undefined;
    await client.connect();
    if (bindingOffered && !(await bindingOffered)) {
      throw new Error('channel_binding=require is set and the server does not offer it');
    }
    const place = placeOf(target, { host, port }, settings);
    const facts = await factsOf(client, settings);
    assertFit(facts, target, place);
    const { answerTimeoutMs } = settings;
    const sent = <T>(work: Promise<T>, limitMs: number) =>
      answered(work, limitMs, destroy).catch((error) => {
        // The server said why it ended the session when nothing was under way.
        throw endedBy !== undefined && reasonOf(error).includes('is not queryable') ? endedBy : error;
      });
    return {
      query: (text, values, limitMs = answerTimeoutMs) => sent(client.query(text, values), limitMs),
      copy: (statement, data) => sent(copyIn(client, statement, data), answerTimeoutMs),
      place,
      encoding: facts.encoding,
      isOpen: () => open,
      destroy,
      async end() {
        // Where it fails the socket is gone as well, and nothing was on its way: each statement was answered before.
        const forced = setTimeout(destroy, 1000);
        await client.end().catch(() => undefined);
        clearTimeout(forced);
      },
    };
  } catch (error) {
    destroy();
    throw timedOut ? new Error('timeout expired', { cause: error }) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

/** A half-open connection never answers and never fails: it is given up after a time. */
async function answered<T>(work: Promise<T>, limitMs: number, giveUp: () => void): Promise<T> {
  if (limitMs === 0) return work;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    giveUp();
  }, limitMs);
  try {
    return await work;
  } catch (error) {
    if (!late) throw error;
    throw Object.assign(new Error(`no answer for ${limitMs} ms`, { cause: error }), { code: 'ETIMEDOUT' });
  } finally {
    clearTimeout(timer);
  }
}

/** pg takes channel binding where it is offered, and goes on without; `require` must not. */
function channelBindingOffered(client: pg.Client): Promise<boolean> {
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  return new Promise((resolve) => {
    connection.once('authenticationSASL', (message: { mechanisms: string[] }) =>
      resolve(message.mechanisms.includes('SCRAM-SHA-256-PLUS')),
    );
    connection.once('readyForQuery', () => resolve(false));
  });
}

interface ServerFacts {
  readOnly: string;
  standby: boolean;
  encoding: string;
}

/** Nothing is set for the session, neither here nor in the start-up packet: see `begin`. */
async function factsOf(client: pg.Client, { connectTimeoutMs }: SessionSettings): Promise<ServerFacts> {
  const results = (await client.query(`${begin({ statementTimeoutMs: connectTimeoutMs })}
    select current_setting('transaction_read_only') as "readOnly", pg_is_in_recovery() as standby,
      current_setting('server_encoding') as encoding; commit`)) as unknown as pg.QueryResult<ServerFacts>[];
  const facts = results.at(-2)?.rows[0];
  if (!facts) throw new Error('the server did not answer with its settings');
  return facts;
}

/** @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE */
function assertFit({ readOnly, standby }: ServerFacts, { sessionAttrs }: DatabaseTarget, { host }: Place): void {
  const isFit = !(sessionAttrs === 'read-write' && readOnly === 'on') && !(sessionAttrs === 'primary' && standby);
  if (isFit) return;
  const state = standby ? 'a standby' : 'read-only';
  throw storageUnavailable(`${host} is ${state}. Point the database URL at the primary, or end its read-only mode.`, {
    sqlstate: '25006',
  });
}
