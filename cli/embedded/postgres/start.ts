/** What all steps of one start know, and what they share. */
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
  /** 0: any. */
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
  /** It ran already. */
  readonly adopted: boolean;
}

export const urlOf = ({ role }: Passwords, port: number) => `postgres://${ROLE}:${role}@127.0.0.1:${port}/${ROLE}`;

/** Undefined when role and password open a connection: no other cluster knows them. */
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

/** What is known of the last server, wherever that was started. */
export interface LastServer {
  readonly port?: number;
  readonly version?: string;
  /** Where its process id means something. */
  readonly scope?: ProcessScope & { readonly host: string };
  /** Epoch milliseconds when it was told to end: it ran elsewhere, see `foreign-server.ts`. */
  readonly toldToEndAt?: number;
}

/** Before the launch: a process that dies just after it leaves a server whose version the next one must know. */
export function remember(start: Start, port: number): void {
  const { version } = start.binaries;
  keepLastServer(start, { port, version, scope: { ...ownScope(), host: os.hostname() } });
}

export function keepLastServer({ folder }: Start, last: LastServer): void {
  writeTrustedFile(path.join(folder, 'server.json'), JSON.stringify(last));
}

/** Empty where there was none. */
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
    `PostgreSQL of folder ${folder}: ${why.replace(/\.$/, '')}. Its log is ${path.join(folder, 'server.log')}`,
  );
}
