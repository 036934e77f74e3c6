import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findPassword, type PassKey } from '../../../consumer/store/pass-file.js';
import { onEnd, uniqueName, useDatabase } from '../../support/use-servers.js';
import { storeOn } from './database.js';

const KEY: PassKey = { host: 'db.example.com', port: 5432, database: 'logs', user: 'loghive' };

describe('a line of the file', () => {
  test.each<[string, string | undefined, Partial<PassKey>?]>([
    ['db.example.com:5432:logs:loghive:secret', 'secret'],
    ['*:*:*:*:secret', 'secret'],
    ['db.example.com:*:logs:*:secret', 'secret'],
    ['other:5432:logs:loghive:secret', undefined],
    ['db.example.com:5433:logs:loghive:secret', undefined],
    ['db.example.com:5432:other:loghive:secret', undefined],
    ['db.example.com:5432:logs:other:secret', undefined],
    ['DB.example.com:5432:logs:loghive:secret', undefined],
    ['*x:*:*:*:secret', undefined],
    // The first match wins; comments and incomplete lines are ignored.
    ['other:*:*:*:one\n*:*:*:*:two\n*:*:*:*:three', 'two'],
    ['#*:*:*:*:one\n*:*:*:*:two', 'two'],
    ['\n*:*:*\n*:*:*:*\n*:*:*:*:two\n', 'two'],
    ['*:*:*:*:', ''],
    ['*:*:*:*:secret\r\n', 'secret'],
    ['*:*:*:*: with spaces ', ' with spaces '],
    // Escapes.
    ['*:*:*:*:a\\:b\\\\c\\d', 'a:b\\cd'],
    ['*:*:*:*:a:b', 'a'],
    ['*:*:*:*:a\\', 'a\\'],
    ['*:*:my\\:logs:my\\\\user:secret', 'secret', { database: 'my:logs', user: 'my\\user' }],
    ['\\*:*:*:*:secret', undefined],
    ['\\*:*:*:*:secret', 'secret', { host: '*' }],
    ['\\:\\:1:*:*:*:secret', 'secret', { host: '::1' }],
    ['::1:*:*:*:secret', undefined, { host: '::1' }],
    // Sockets.
    ['localhost:*:*:*:secret', 'secret', { host: '/var/run/postgresql' }],
    ['localhost:*:*:*:secret', 'secret', { host: '/tmp' }],
    ['localhost:*:*:*:secret', undefined, { host: '/srv/sockets' }],
    ['/srv/sockets:*:*:*:secret', 'secret', { host: '/srv/sockets' }],
  ])('%j contains the password %j (%j)', (text, password, key) => {
    expect(findPassword(text, { ...KEY, ...key })).toBe(password);
  });
});

/** A role with a password, and a URL that names a file instead. */
async function usePassFile(
  lines: (at: { host: string; port: string; name: string; role: string }) => string,
  mode = 0o600,
) {
  const database = await useDatabase();
  const role = uniqueName('role');
  await database.query(`create role ${role} superuser login password 'pa:ss\\word'`);
  onEnd(() => database.query(`drop owned by ${role} cascade; drop role ${role}`));
  const { hostname: host, port } = new URL(database.url);
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive pass-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pgpass');
  writeFileSync(file, lines({ host, port, name: database.name, role }));
  chmodSync(file, mode);
  const url = `postgres://${role}@${host}:${port}/${database.name}?passfile=${encodeURIComponent(file)}`;
  return { url, file, folder, host, port, role, name: database.name };
}

const LINE = ({ host, port, name, role }: { host: string; port: string; name: string; role: string }) =>
  `${host}:${port}:${name}:${role}:pa\\:ss\\\\word\n`;

async function opened(url: string): Promise<void> {
  const store = storeOn(url);
  onEnd(() => store.close());
  await store.connect();
}

describe('a database URL that names a passfile', () => {
  test('opens a connection with the password in it', async () => {
    await opened((await usePassFile(LINE)).url);
  });

  test('prefers the password in the URL', async () => {
    const { url } = await usePassFile(() => '*:*:*:*:wrong\n');
    await opened(url.replace('@', `:${encodeURIComponent('pa:ss\\word')}@`));
  });

  test.each<[string, (made: { file: string }) => void, RegExp]>([
    ['is not there', ({ file }) => rmSync(file), /passfile "\S+ pass-\S+" cannot be used: ENOENT/],
    [
      'has no entry for it',
      ({ file }) => writeFileSync(file, '*:*:*:other:secret\n'),
      /passfile "\S+ pass-\S+" has no entry for 127\.0\.0\.1:\d+:db_\w+:role_\w+\. Add one, or put the password into/,
    ],
    ['everybody can read', ({ file }) => chmodSync(file, 0o604), /group or others have access to it.*chmod 0600/],
    ['its group can read', ({ file }) => chmodSync(file, 0o640), /group or others have access to it/],
    [
      'is a folder',
      ({ file }) => {
        rmSync(file);
        mkdirSync(file);
      },
      /it is not a regular file/,
    ],
  ])('fails with a readable message if it %s', async (_what, happens, words) => {
    const made = await usePassFile(LINE);
    happens(made);
    await expect(opened(made.url)).rejects.toThrow(words);
    await expect(opened(made.url)).rejects.not.toThrow(/pa:ss|secret/);
  });
});
