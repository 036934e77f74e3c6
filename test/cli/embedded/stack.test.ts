import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkUserName } from '../../../cli/embedded/postgres/server-user.js';
import { startStack } from '../../../cli/embedded/stack.js';
import { freePort } from '../../support/ports.mjs';
import { onEnd } from '../../support/use-servers.js';

function useFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-stack-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(folder: string, port: number | undefined, postgres = false) {
  const { signal } = new AbortController();
  const stack = await startStack({ folder, broker: true, postgres, port, ask: undefined, notice: () => {}, signal });
  onEnd(() => stack.stop());
  return stack;
}

test("the broker's port is remembered, except with port 0", async () => {
  const folder = useFolder();
  await (await start(folder, 0)).stop();
  expect(readdirSync(folder)).not.toContain('broker-port');
  const port = await freePort();
  await (await start(folder, port)).stop();
  await (await start(folder, 0)).stop();
  expect(readFileSync(path.join(folder, 'broker-port'), 'utf8')).toBe(`${port}\n`);
  expect((await start(folder, undefined)).broker?.port).toBe(port);
});

test('the port of a start that failed is not remembered', async () => {
  const folder = useFolder();
  mkdirSync(path.join(folder, 'postgres'));
  // Not a usable data directory.
  writeFileSync(path.join(folder, 'postgres', 'data'), '');
  await expect(start(folder, await freePort(), true)).rejects.toThrow();
  expect(readdirSync(folder)).not.toContain('broker-port');
});

test('a user without a passwd entry gets an error with a remedy before any download', () => {
  const unknown = () => {
    throw new Error('ENOENT: uv_os_get_passwd');
  };
  expect(() => checkUserName(null, unknown)).toThrow(
    /^PostgreSQL cannot run as this user: uid \d+ has no entry in \/etc\/passwd\. Add one \(echo "dev:x:\d+:\d+::\/tmp:\/bin\/sh" >> \/etc\/passwd\), run as .*--database-url\)\.$/,
  );
  expect(() => checkUserName({ uid: 65_534, gid: 65_534 }, unknown)).not.toThrow();
  expect(() => checkUserName(null)).not.toThrow();
});
