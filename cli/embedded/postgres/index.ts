/**
 * A PostgreSQL of Loghive's own: real, on loopback, with data that stays for the next time.
 *
 *     locked ─▶ cluster made, if there is none ─▶ does a server run on it? ──yes──▶ adopted ─┐
 *                                                       │ no                                 ▼
 *                                                       └─▶ launched ───────ready───────▶ running ──stop()──▶ stopped
 *                                                            ▲    │ port taken, or a
 *                                                            └────┘ predecessor's children not gone
 *
 * Killed at any step, this process leaves nothing half: a draft that is passed over, or a server that the next start
 * adopts. stop() leaves no process.
 */
import { cacheFolder } from '../cache-folder.js';
import { lockFolder } from '../folder-lock.js';
import { runnableBinaries } from './binaries.js';
import { clusterExists, createCluster, passwordsIn, ROLE } from './cluster.js';
import { clusterIn, dataFolder, rootLocations } from './data-folder.js';
import { endForeignServer } from './foreign-server.js';
import { adopt, launch } from './launch.js';
import { serverUser } from './server-user.js';
import { type Running, type Start, urlOf } from './start.js';

export { findPostgresBinaries } from './binaries.js';
export { checkDataPath } from './data-folder.js';
export { installPostgresBinaries } from './install.js';
export { checkUserName } from './server-user.js';

export interface EmbeddedPostgresOptions {
  /** Everything of it: data, passwords, log. Made if need be. */
  readonly folder: string;
  /** Default 0: the one of last time where it is free, else any. */
  readonly port?: number;
  /** The folder of `initdb` and `postgres`: `findPostgresBinaries()`, or `installPostgresBinaries()`. */
  readonly binaries: string;
  /** Takes one sentence for people. */
  readonly notice?: (text: string) => void;
  /** Gives the start up: what was launched is ended, and the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** See `LockOptions`; the server has to be ended then, by `stop()`. */
  readonly onLost?: () => void;
  /** Where root may put what the server's user cannot reach otherwise. Default: see `rootLocations`. */
  readonly places?: readonly string[];
}

export interface EmbeddedPostgres {
  /** Of role and database `loghive`, password included: for programs, not to be shown. */
  readonly url: string;
  readonly port: number;
  /** '18.4'. */
  readonly version: string;
  readonly pid: number;
  /** The server ran already: it outlived the process that had started it. */
  readonly adopted: boolean;
  /** Where its data is; another one than was asked for where that one cannot be reached (see `notice`). */
  readonly folder: string;
  /** Holds the passwords; libpq reads it. */
  readonly passFile: string;
  /** A command line for people, without a password. */
  readonly psql: string;
  /** False once the server has ended, whoever ended it. */
  isRunning(): boolean;
  /** Resolves when no process is left and the folder is free. */
  stop(): Promise<void>;
}

/**
 * @throws LoghiveError LOGHIVE_FOLDER_LOCKED, LOGHIVE_FOLDER_UNUSABLE, LOGHIVE_PORT_TAKEN, LOGHIVE_POSTGRES_VERSION,
 *   LOGHIVE_POSTGRES_FAILED
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { notice = () => {}, signal, port = 0 } = options;
  const user = serverUser();
  const places = options.places ?? (user === undefined ? [cacheFolder()] : rootLocations());
  const folder = dataFolder(options.folder, user, places, notice);
  let lost = false;
  const unlock = lockFolder(folder, {
    onLost: () => {
      lost = true;
      options.onLost?.();
    },
  });
  try {
    const binaries = await runnableBinaries(options.binaries, user, places);
    const cluster = clusterIn(folder);
    const made = clusterExists(folder);
    const passwords = passwordsIn(folder, made);
    if (!made) await createCluster(folder, binaries, passwords, user, signal);
    const start = { folder, cluster, port, binaries, user, passwords, notice, signal };
    await endForeignServer(start);
    return handle(start, (await adopt(start)) ?? (await launch(start)), { unlock, isLost: () => lost });
  } catch (error) {
    unlock();
    throw error;
  }
}

interface Lock {
  readonly unlock: () => void;
  readonly isLost: () => boolean;
}

function handle({ folder, passwords }: Start, running: Running, lock: Lock): EmbeddedPostgres {
  const { postmaster, port, version, adopted } = running;
  const { passFile } = passwords;
  const shown = `postgres://${ROLE}@127.0.0.1:${port}/${ROLE}?passfile=${inUrl(passFile)}`;
  let stopping: Promise<void> | undefined;
  return {
    url: urlOf(passwords, port),
    port,
    version,
    pid: postmaster.pid,
    adopted,
    folder,
    passFile,
    psql: `psql "${shown}"`,
    isRunning: postmaster.isRunning,
    stop() {
      stopping ??= (lock.isLost() ? postmaster.kill() : postmaster.end()).finally(lock.unlock);
      return stopping;
    },
  };
}

/** In a URL that stands in a shell's double quotes. */
function inUrl(file: string): string {
  return encodeURIComponent(file).replaceAll('%2F', '/').replaceAll('!', '%21');
}
