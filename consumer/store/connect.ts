/** Opens a session on the first host of the list that accepts writes. The only place that creates a `pg.Client`. */
import net from 'node:net';
import pg from 'pg';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { tlsFault } from '../../src/tls-fault.js';
import { cancelRequest } from './cancel-request.js';
import { type CopyResult, copyIn } from './copy-in.js';
import type { DatabaseHost, DatabaseTarget } from './database-url.js';
import { passwordFor } from './pass-file.js';
import { begin } from './sql.js';
import { tlsAttempts, tlsOptions } from './ssl-mode.js';
import { asFault, isStorageFault, type Place, storageUnavailable } from './storage-fault.js';

export interface SessionSettings {
  /** Connect timeout per host, in milliseconds. `connect_timeout` in the URL takes precedence. */
  readonly connectTimeoutMs: number;
  /**
   * Time to wait for the result of a statement before the connection is closed, in milliseconds; 0 disables the
   * timeout.
   */
  readonly answerTimeoutMs: number;
  readonly schema: string;
}

/** One connection. Statements must not overlap: await each one before the next. */
export interface DatabaseSession {
  /** @param answerTimeoutMs overrides `SessionSettings.answerTimeoutMs` for this statement. */
  query<R extends pg.QueryResultRow>(
    text: string,
    values?: unknown[],
    answerTimeoutMs?: number,
  ): Promise<pg.QueryResult<R>>;
  /** `statement` contains one `copy … from stdin`. */
  copy(statement: string, data: Iterable<Buffer>): Promise<CopyResult>;
  readonly place: Place;
  /** The process id in the greeting of the server. A pooler makes one up. */
  readonly greetedPid: number | undefined;
  /** Encoding of the database. A record that it cannot represent is a bad record. */
  readonly encoding: string;
  /** False once either side has closed the connection. */
  isOpen(): boolean;
  /** Cancels the statement in flight on the server, which then fails with SQLSTATE 57014. Never rejects. */
  cancel(): Promise<void>;
  /** Closes the connection immediately. Statements in flight fail. */
  destroy(): void;
  /** Closes the connection gracefully, within one second. */
  end(): Promise<void>;
}

/**
 * @param signal aborts the attempt.
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
      // Like libpq: authentication errors and a missing database are the same on every host.
      if (signal?.aborted || /^28|^3D/.test(error.sqlstate ?? '')) break;
    }
  }
  throw combine(faults.filter(isStorageFault));
}

function combine(faults: ReturnType<typeof storageUnavailable>[]): LoghiveError {
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

/** libpq's `prefer` and `allow` fall back if the server refuses this kind of connection, not if it is unreachable. */
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
  const ssl = tls ? await tlsOptions(target) : false;
  const client: pg.Client = new pg.Client({
    host,
    port,
    user: target.user,
    password: target.password ?? (passFile && (() => passwordFor(client, passFile))),
    database: target.database,
    application_name: target.applicationName ?? 'loghive',
    ssl,
    sslnegotiation: target.directTls ? 'direct' : 'postgres',
    enableChannelBinding: target.requireChannelBinding,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    stream: () => socket,
  });
  // pg would fall back to PGOPTIONS and PGREPLICATION, which poolers refuse.
  const startUp = client as unknown as { connectionParameters: { options?: string; replication?: string } };
  Object.assign(startUp.connectionParameters, { options: target.options, replication: undefined });
  let open = true;
  let endedBy: Error | undefined;
  // pg also emits 'error', which would crash the process without a listener.
  client.on('error', (error) => {
    open = false;
    endedBy ??= error;
  });
  client.on('end', () => (open = false));
  // Destroys the socket only: after `client.end()` the promise of `client.connect()` would never settle.
  const abort = () => socket.destroy();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    abort();
  }, target.connectTimeoutMs ?? settings.connectTimeoutMs);
  const destroy = () => {
    open = false;
    // Marks the client as ending, so that pg does not report the closed socket as an error.
    client.end().catch(() => undefined);
    socket.destroy();
  };
  signal?.addEventListener('abort', abort);
  try {
    signal?.throwIfAborted();
    const bindingOffered = target.requireChannelBinding ? channelBindingOffered(client) : undefined;
    await client.connect();
    if (bindingOffered && !(await bindingOffered)) {
      throw new Error('channel_binding=require is set, but the server does not offer channel binding');
    }
    const place = placeOf(target, { host, port }, settings);
    const facts = await factsOf(client, settings);
    assertWritable(facts, target, place);
    const { answerTimeoutMs } = settings;
    // `pg` leaves them out of its types.
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const sent = <T>(work: Promise<T>, limitMs: number) =>
      withTimeout(work, limitMs, destroy).catch((error) => {
        // The server reported why it ended the session while no statement was running.
        throw endedBy !== undefined && reasonOf(error).includes('is not queryable') ? endedBy : error;
      });
    return {
      query: (text, values, limitMs = answerTimeoutMs) => sent(client.query(text, values), limitMs),
      copy: (statement, data) => sent(copyIn(client, statement, data), answerTimeoutMs),
      place,
      greetedPid: processID,
      encoding: facts.encoding,
      isOpen: () => open,
      cancel: () => cancelRequest({ host, port, ssl, directTls: target.directTls, processID, secretKey }),
      destroy,
      async end() {
        // If this fails, the socket is already closed. Nothing is in flight: every statement was awaited.
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
    signal?.removeEventListener('abort', abort);
  }
}

/** A half-open connection neither answers nor fails, so it is closed after `limitMs`. */
async function withTimeout<T>(work: Promise<T>, limitMs: number, abort: () => void): Promise<T> {
  if (limitMs === 0) return work;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    abort();
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

/** pg uses channel binding if it is offered and continues without it otherwise; `require` must fail instead. */
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

/** No session-level settings, neither here nor in the startup packet: see `begin`. */
async function factsOf(client: pg.Client, { connectTimeoutMs }: SessionSettings): Promise<ServerFacts> {
  const results = (await client.query(`${begin({ statementTimeoutMs: connectTimeoutMs })}
    select current_setting('transaction_read_only') as "readOnly", pg_is_in_recovery() as standby,
      current_setting('server_encoding') as encoding; commit`)) as unknown as pg.QueryResult<ServerFacts>[];
  const facts = results.at(-2)?.rows[0];
  if (!facts) throw new Error('the server did not answer with its settings');
  return facts;
}

/** @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE */
function assertWritable({ readOnly, standby }: ServerFacts, { sessionAttrs }: DatabaseTarget, { host }: Place): void {
  const isWritable = !(sessionAttrs === 'read-write' && readOnly === 'on') && !(sessionAttrs === 'primary' && standby);
  if (isWritable) return;
  const state = standby ? 'a standby' : 'read-only';
  throw storageUnavailable(`${host} is ${state}. Point the database URL at the primary, or turn off read-only mode.`, {
    sqlstate: '25006',
  });
}
