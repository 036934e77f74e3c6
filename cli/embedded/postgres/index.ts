/**
 * An embedded PostgreSQL: a real server on loopback with persistent data.
 *
 *     locked ─▶ cluster created, if there is none ─▶ is a server running on it? ──yes──▶ adopted ─┐
 *                                                       │ no                                      ▼
 *                                                       └─▶ launched ─────────ready─────────▶ running ──stop()──▶ stopped
 *                                                            ▲    │ port taken, or a
 *                                                            └────┘ predecessor's children still running
 *
 * If this process is killed at any step, it leaves either a draft, which is ignored, or a running server, which the
 * next start adopts. stop() leaves no process behind.
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
  /** Directory for everything: data, passwords, log. Created if it does not exist. */
  readonly folder: string;
  /** Default 0: the last port used if it is free, else any free port. */
  readonly port?: number;
  /** Directory of `initdb` and `postgres`: `findPostgresBinaries()`, or `installPostgresBinaries()`. */
  readonly binaries: string;
  /** Receives one-sentence messages for the user. */
  readonly notice?: (text: string) => void;
  /** Cancels the start: a launched server is stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** See `LockOptions`. The server must then be stopped with `stop()`. */
  readonly onLost?: () => void;
  /** Locations root may use for what the server's user cannot reach. Default: see `rootLocations`. */
  readonly places?: readonly string[];
}

export interface EmbeddedPostgres {
  /** URL of role and database `loghive`, including the password: for programs, not for display. */
  readonly url: string;
  readonly port: number;
  /** For example '18.4'. */
  readonly version: string;
  readonly pid: number;
  /** Whether the server was already running, because it outlived the process that started it. */
  readonly adopted: boolean;
  /** The data directory; differs from the requested one if that cannot be reached (see `notice`). */
  readonly folder: string;
  /** Password file for libpq. */
  readonly passFile: string;
  /** The URL for display: it names the password file instead of the password. */
  readonly shownUrl: string;
  /** False once the server has exited, for any reason. */
  isRunning(): boolean;
  /** Resolves when no process is left and the directory is unlocked. */
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
  let stopping: Promise<void> | undefined;
  return {
    url: urlOf(passwords, port),
    port,
    version,
    pid: postmaster.pid,
    adopted,
    folder,
    passFile,
    shownUrl: `postgres://${ROLE}@127.0.0.1:${port}/${ROLE}?passfile=${inUrl(passFile)}`,
    isRunning: postmaster.isRunning,
    stop() {
      stopping ??= (lock.isLost() ? postmaster.kill() : postmaster.end()).finally(lock.unlock);
      return stopping;
    },
  };
}

/** Encodes a path for a URL that may be pasted into shell quotes. */
function inUrl(file: string): string {
  return encodeURIComponent(file).replaceAll('%2F', '/').replaceAll('!', '%21').replaceAll("'", '%27');
}
