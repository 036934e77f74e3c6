/** State shared by all steps of one start. */
import os from 'node:os';
import path from 'node:path';
import { openStore } from '../../../consumer/store/index.js';
import { LoghiveError, reasonOf } from '../../../src/errors.js';
import { ownScope, type ProcessScope } from '../process-identity.js';
import { readTrustedFile, writeTrustedFile } from '../trusted-file.js';
import type { RunnableBinaries } from './binaries.js';
import { type Passwords, ROLE } from './cluster.js';
import type { Postmaster } from './postmaster.js';
import type { ServerUser } from './server-user.js';

export interface Start {
  readonly folder: string;
  readonly cluster: string;
  /** 0: any free port. */
  readonly port: number;
  readonly binaries: RunnableBinaries;
  readonly user: ServerUser | undefined;
  readonly passwords: Passwords;
  readonly notice: (text: string) => void;
  readonly signal: AbortSignal | undefined;
}

export interface Running {
  readonly postmaster: Postmaster;
  readonly port: number;
  readonly version: string;
  /** Whether the server was already running. */
  readonly adopted: boolean;
}

export const urlOf = ({ role }: Passwords, port: number) => `postgres://${ROLE}:${role}@127.0.0.1:${port}/${ROLE}`;

/** Returns why role and password cannot open a connection; undefined if they can. No other cluster accepts them. */
export async function connectionProblem(passwords: Passwords, port: number): Promise<string | undefined> {
  const store = openStore({
    databaseUrl: urlOf(passwords, port),
    schema: 'logs',
    statementTimeoutMs: 5000,
    writeTimeoutMs: 5000,
    connectTimeoutMs: 5000,
    notice: () => {},
  });
  try {
    await store.connect();
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    await store.close();
  }
}

/** What is known about the last server, whichever process started it. */
export interface LastServer {
  readonly port?: number;
  readonly version?: string;
  /** Where its process id is meaningful. */
  readonly scope?: ProcessScope & { readonly host: string };
  /** When it was asked to shut down, in epoch milliseconds; it runs elsewhere, see `foreign-server.ts`. */
  readonly shutdownRequestedAt?: number;
}

/**
 * Written before the launch: if this process dies right after it, the next start needs to know the server's version.
 */
export function remember(start: Start, port: number): void {
  const { version } = start.binaries;
  keepLastServer(start, { port, version, scope: { ...ownScope(), host: os.hostname() } });
}

export function keepLastServer({ folder }: Start, last: LastServer): void {
  writeTrustedFile(path.join(folder, 'server.json'), JSON.stringify(last));
}

/** Empty if there was none. */
export function lastServer({ folder }: Start): LastServer {
  const found = readTrustedFile(path.join(folder, 'server.json'));
  try {
    return found === undefined ? {} : (JSON.parse(found.text) as LastServer);
  } catch {
    return {};
  }
}

export function failed({ folder }: Start, why: string): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_POSTGRES_FAILED',
    `PostgreSQL in ${folder}: ${why.replace(/\.$/, '')}. Its log is ${path.join(folder, 'server.log')}`,
  );
}
