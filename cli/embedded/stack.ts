/**
 * What `loghive dev` starts where no server is given: a development broker and a PostgreSQL, one folder for both.
 *
 * Killed at any step this process leaves a dead lock, and perhaps a PostgreSQL that the next start adopts.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LoghiveError } from '../../src/errors.js';
import type { Ask } from '../confirmation.js';
import { type DevelopmentBroker, startDevelopmentBroker } from './broker/index.js';
import { lockFolder } from './folder-lock.js';
import { isFree } from './free-port.js';
import {
  checkDataPath,
  checkUserName,
  type EmbeddedPostgres,
  findPostgresBinaries,
  installPostgresBinaries,
  startEmbeddedPostgres,
} from './postgres/index.js';
import { readTrustedFile, writeTrustedFile } from './trusted-file.js';
import { openTrustedFolder } from './trusted-folder.js';

/** Where a client looks that is told nothing else. */
const AMQP_PORT = 5672;

export interface StackOptions {
  /** Made if need be. */
  readonly folder: string;
  readonly broker: boolean;
  readonly postgres: boolean;
  /** The broker's. Undefined: that of last time, else 5672, else any that is free. 0: any, for this time. */
  readonly port: number | undefined;
  /** See `installPostgresBinaries`. */
  readonly ask: Ask | undefined;
  readonly notice: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface Stack {
  readonly broker?: DevelopmentBroker;
  readonly postgres?: EmbeddedPostgres;
  /** Aborts when the folder was removed, or somebody else has it now (see `LockOptions`): it has to be stopped. */
  readonly lost: AbortSignal;
  /** Ends what was started. Resolves when no process is left and the folder is free. */
  stop(): Promise<void>;
}

/** @throws LoghiveError what its parts throw; what was started by then is ended. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const lost = new AbortController();
  if (!options.broker && !options.postgres) return { lost: lost.signal, stop: async () => {} };
  // Before anything is made.
  if (options.postgres) {
    checkDataPath(postgresFolder(options.folder));
    checkUserName();
  }
  // As root the server has another user, who must get through.
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  const folder = openTrustedFolder(options.folder, { mode });
  const isNew = readdirSync(folder).every((name) => name.startsWith('owner.'));
  const unlock = lockFolder(folder, { onLost: () => lost.abort() });
  let postgres: EmbeddedPostgres | undefined;
  let broker: DevelopmentBroker | undefined;

  async function stop(): Promise<void> {
    try {
      await Promise.all([broker?.stop(), postgres?.stop()]);
    } finally {
      unlock();
    }
  }

  try {
    // It lies beside an application, whose history it shall not get into. A folder with other things in it stays as it is.
    if (isNew) writeFileSync(path.join(folder, '.gitignore'), '*\n');
    if (options.broker) broker = await startBroker(folder, options);
    if (options.postgres) postgres = await startPostgres(folder, options, () => lost.abort());
    options.signal.throwIfAborted();
    // Only now: a start that fails, and any port for once, are not what the next start goes by.
    if (broker && options.port !== 0) writeTrustedFile(portFile(folder), `${broker.port}\n`, 0o644);
    return { ...(broker && { broker }), ...(postgres && { postgres }), lost: lost.signal, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPostgres(
  folder: string,
  { ask, notice, signal }: StackOptions,
  onLost: () => void,
): Promise<EmbeddedPostgres> {
  const binaries = findPostgresBinaries({ notice }) ?? (await installPostgresBinaries({ ask, notice, signal }));
  return startEmbeddedPostgres({ folder: postgresFolder(folder), binaries, notice, signal, onLost });
}

const portFile = (folder: string) => path.join(folder, 'broker-port');
const postgresFolder = (folder: string) => path.join(folder, 'postgres');

async function startBroker(folder: string, { port, notice }: StackOptions): Promise<DevelopmentBroker> {
  const last = portIn(portFile(folder));
  const broker = await listening(port ?? (await firstFree([last, AMQP_PORT])));
  if (last !== undefined && last !== broker.port) {
    notice(
      `the development broker is on port ${broker.port} now, no longer on ${last}; applications need the new address`,
    );
  }
  return broker;
}

async function listening(port: number): Promise<DevelopmentBroker> {
  try {
    return await startDevelopmentBroker({ port });
  } catch (error) {
    throw portFault(port, error) ?? error;
  }
}

function portFault(port: number, error: unknown): LoghiveError | undefined {
  const cause = (error as { cause?: NodeJS.ErrnoException } | null)?.cause;
  switch (cause?.code) {
    case 'EADDRINUSE':
      return new LoghiveError(
        'LOGHIVE_PORT_TAKEN',
        `the development broker cannot listen on 127.0.0.1:${port}: ${cause.message}. Another program has that port; end it, or name another one (--port). Where none is named, a free one is used.`,
        { cause },
      );
    case 'EACCES':
      return new LoghiveError(
        'LOGHIVE_INVALID_OPTION',
        `option --port is ${port}, which this user may not listen on (${cause.message}). Name one from 1024 on, or 0 for any that is free.`,
        { cause },
      );
    default:
      return undefined;
  }
}

function portIn(file: string): number | undefined {
  const port = Number(readTrustedFile(file)?.text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** 0, which is any, where none of them is. */
async function firstFree(ports: readonly (number | undefined)[]): Promise<number> {
  for (const port of ports) if (port !== undefined && (await isFree(port))) return port;
  return 0;
}
