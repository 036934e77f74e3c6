/** The option `spool` of a producer, checked once when it is passed. */
import path from 'node:path';
import { temporaryFolder } from '../publisher/spool/folder.js';
import type { SpoolConfig } from '../publisher/spool/spool.js';
import { boolean, type Check, type Environment, Expected, integer, isOptions, oneOf, shown, Unfit } from './option.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Where records wait on disk. */
export interface SpoolOptions {
  /**
   * Folder that holds a folder for each service. Environment: `LOGHIVE_SPOOL_DIR`, then `STATE_DIRECTORY`, which systemd sets.
   * Default: `loghive-<uid>` in the system's temporary folder, which a restart of the machine may clear.
   */
  dir?: string | undefined;
  /** Maximum size on disk, in bytes. When it is reached, records are dropped, lowest level first. Default: 256 MiB. */
  maxBytes?: number | undefined;
  /**
   * 'overflow' writes what does not fit into memory, and what cannot be sent before the process ends. 'always' writes each
   * record before its logging call returns, so that it survives `kill -9`. Default: 'overflow'.
   */
  mode?: 'overflow' | 'always' | undefined;
  /** Whether each write waits until it is on the disk, so that it survives a power failure. Default: false. */
  fsync?: boolean | undefined;
}

const FIELDS: Readonly<Record<keyof SpoolOptions, Check<unknown>>> = {
  dir: (value) => {
    if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
    throw new Expected('the path of a folder');
  },
  maxBytes: integer(MIB, 1024 * GIB, 'bytes'),
  mode: oneOf('overflow', 'always'),
  fsync: boolean,
};

export const spoolOptions: Check<Readonly<SpoolOptions> | false | undefined> = (value) => {
  if (value === false) return false;
  if (value === true) return {};
  if (!isOptions(value)) throw new Expected(`an object { ${Object.keys(FIELDS).join(', ')} }, true or false`);
  for (const [name, part] of Object.entries(value)) {
    const check = FIELDS[name as keyof SpoolOptions];
    if (!check) {
      throw new Unfit(`has an unknown field ${shown(name)}, expected one of ${Object.keys(FIELDS).join(', ')}`);
    }
    try {
      if (part !== undefined) check(part);
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      throw new Unfit(`has a field "${name}" that is ${shown(part)}, expected ${error.message}`);
    }
  }
  return Object.freeze({ ...value });
};

/** Undefined if there is no spool. */
export function spoolConfig(
  options: Readonly<SpoolOptions> | false | undefined,
  environment: Environment,
): SpoolConfig | undefined {
  if (options === false) return undefined;
  const folder = environment('LOGHIVE_SPOOL_DIR')?.text;
  const { dir, maxBytes = 256 * MIB, mode = 'overflow', fsync = false } = options ?? {};
  // systemd separates several folders by colons.
  const stateDirectory = environment('STATE_DIRECTORY')?.text.split(':')[0];
  const chosen = dir ?? (folder || stateDirectory || temporaryFolder());
  return Object.freeze({ dir: path.resolve(chosen), maxBytes, mode, fsync });
}
