/** What all steps of one start know, and what they share. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openStore } from '../../../consumer/store/index.js';
import { LoghiveError, reasonOf } from '../../../src/errors.js';
import type { RunnableBinaries } from './binaries.js';
import { type Passwords, ROLE } from './passwords.js';
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
export async function faultAt(passwords: Passwords, port: number): Promise<string | undefined> {
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

/** Before the launch: a process that dies just after it leaves a server whose version the next one must know. */
export function remember({ folder, binaries: { version } }: Start, port: number): void {
  const draft = path.join(folder, 'server.json.draft');
  writeFileSync(draft, JSON.stringify({ port, version }), { mode: 0o600 });
  renameSync(draft, path.join(folder, 'server.json'));
}

/** Of the last launch; empty where there was none. */
export function remembered({ folder }: Start): { port?: number; version?: string } {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'server.json'), 'utf8'));
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
