/**
 * What `loghive dev` starts where no server is given: a development broker and a PostgreSQL, one folder for both.
 *
 * Killed at any step this process leaves a dead lock, and perhaps a PostgreSQL that the next start adopts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type DevelopmentBroker, startDevelopmentBroker } from './broker/index.js';
import type { Ask } from './confirmation.js';
import { lockFolder } from './folder-lock.js';
import { isFree } from './free-port.js';
import {
  type EmbeddedPostgres,
  findPostgresBinaries,
  installPostgresBinaries,
  startEmbeddedPostgres,
} from './postgres/index.js';

/** Where a client looks that is told nothing else. */
const AMQP_PORT = 5672;

export interface StackOptions {
  /** Made if need be. */
  readonly folder: string;
  readonly broker: boolean;
  readonly postgres: boolean;
  /** The broker's. Undefined: that of last time, else 5672, else any that is free. */
  readonly port: number | undefined;
  /** See `installPostgresBinaries`. */
  readonly ask: Ask | undefined;
  readonly notice: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface Stack {
  readonly broker?: DevelopmentBroker;
  readonly postgres?: EmbeddedPostgres;
  /** Ends what was started. Resolves when no process is left and the folder is free. */
  stop(): Promise<void>;
}

/** @throws LoghiveError what its parts throw; what was started by then is ended. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder } = options;
  if (!options.broker && !options.postgres) return { stop: async () => {} };
  // As root the server has another user, who must get through.
  const unlock = lockFolder(folder, process.getuid?.() === 0 ? 0o711 : 0o700);
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
    // It lies beside an application, whose history it shall not get into.
    writeFileSync(path.join(folder, '.gitignore'), '*\n');
    if (options.broker) broker = await startBroker(options);
    if (options.postgres) postgres = await startPostgres(options);
    options.signal.throwIfAborted();
    return { ...(broker && { broker }), ...(postgres && { postgres }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPostgres({ folder, ask, notice, signal }: StackOptions): Promise<EmbeddedPostgres> {
  const binaries = findPostgresBinaries() ?? (await installPostgresBinaries({ ask, notice, signal }));
  return startEmbeddedPostgres({ folder: path.join(folder, 'postgres'), binaries, notice, signal });
}

async function startBroker({ folder, port, notice }: StackOptions): Promise<DevelopmentBroker> {
  const file = path.join(folder, 'broker-port');
  const last = portIn(file);
  const broker = await startDevelopmentBroker({ port: port ?? (await firstFree([last, AMQP_PORT])) });
  if (last !== undefined && last !== broker.port) {
    notice(
      `the development broker is on port ${broker.port} now, no longer on ${last}; applications need the new address`,
    );
  }
  writeFileSync(file, `${broker.port}\n`);
  return broker;
}

function portIn(file: string): number | undefined {
  try {
    const port = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
}

/** 0, which is any, where none of them is. */
async function firstFree(ports: readonly (number | undefined)[]): Promise<number> {
  for (const port of ports) if (port !== undefined && (await isFree(port))) return port;
  return 0;
}
