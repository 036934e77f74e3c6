/**
 * Starts the servers of `loghive dev` that the user has not supplied: a development broker and PostgreSQL, sharing one
 * directory.
 *
 * If this process is killed at any step, it leaves a dead lock, and perhaps a PostgreSQL that the next start adopts.
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

/** The default port of AMQP clients. */
const AMQP_PORT = 5672;

export interface StackOptions {
  /** Created if it does not exist. */
  readonly folder: string;
  readonly broker: boolean;
  readonly postgres: boolean;
  /**
   * Port of the broker. Undefined: the last one used, else 5672, else any free port. 0: any free port, for this run
   * only.
   */
  readonly port: number | undefined;
  /** See `installPostgresBinaries`. */
  readonly ask: Ask | undefined;
  readonly notice: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface Stack {
  readonly broker?: DevelopmentBroker;
  readonly postgres?: EmbeddedPostgres;
  /**
   * Aborts when the directory was removed or another process has taken it over (see `LockOptions`). The stack must then
   * be stopped.
   */
  readonly lost: AbortSignal;
  /** Stops the started servers. Resolves when no process is left and the directory is unlocked. */
  stop(): Promise<void>;
}

/** @throws LoghiveError errors of the parts; servers started until then are stopped. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const lost = new AbortController();
  if (!options.broker && !options.postgres) return { lost: lost.signal, stop: async () => {} };
  // Check before creating anything.
  if (options.postgres) {
    checkDataPath(postgresFolder(options.folder));
    checkUserName();
  }
  // If this is root, the server runs as another user, who must be able to search the directory.
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
    // Keep a new data directory out of the project's version control. A directory with other content stays as it is.
    if (isNew) writeFileSync(path.join(folder, '.gitignore'), '*\n');
    if (options.broker) broker = await startBroker(folder, options);
    if (options.postgres) postgres = await startPostgres(folder, options, () => lost.abort());
    options.signal.throwIfAborted();
    // Written last: a failed start, or a port used for this run only, must not affect the next start.
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
      `the development broker now listens on port ${broker.port} instead of ${last}; update the URL in applications`,
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
        `the development broker cannot listen on 127.0.0.1:${port}: ${cause.message}. Another program uses that port; stop it, or choose another port with --port. Without --port, a free one is chosen.`,
        { cause },
      );
    case 'EACCES':
      return new LoghiveError(
        'LOGHIVE_INVALID_OPTION',
        `option --port is ${port}, which this user may not listen on (${cause.message}). Choose a port from 1024 up, or 0 for any free port.`,
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

/** Returns 0 (any port) if none of them is free. */
async function firstFree(ports: readonly (number | undefined)[]): Promise<number> {
  for (const port of ports) if (port !== undefined && (await isFree(port))) return port;
  return 0;
}
