/** Everything the demo starts: servers, a folder, child processes. `clear()` removes all of it. */
import fs from 'node:fs';
import path from 'node:path';
import { startChild } from '../../test/support/child.mjs';
import { administer } from '../../test/support/postgres-admin.mjs';
import { reachableTemporaryFolder } from '../../test/support/postgres-binaries.mjs';
import { startWatchdog } from '../../test/support/watchdog.mjs';

const root = path.resolve(import.meta.dirname, '..', '..');
const LOGHIVE = path.join(root, 'dist', 'esm', 'cli', 'main.js');
const SHOP = path.join(root, 'examples', 'shop', 'shop.mjs');
const TILL = path.join(root, 'examples', 'shop', 'till.mjs');

/** @param servers module that starts the servers: embedded.mjs or real.mjs */
export async function openEnvironment(servers) {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(reachableTemporaryFolder()), 'loghive-demo-'));
  // As root, PostgreSQL runs as another user, who must be able to enter the folder.
  if (process.getuid?.() === 0) fs.chmodSync(folder, 0o711);
  // Removes the folder even when this process is killed. Child processes have their own watchdogs.
  const watchdog = startWatchdog({ dir: folder, removeDir: true, processes: servers.leftovers(folder) });
  const children = [];
  let cleared;
  let running;

  function run(file, args, env) {
    const { PATH = '' } = process.env;
    const child = startChild(file, { args, env: { PATH, ...env }, inheritEnv: false, cwd: folder });
    children.push(child);
    return child;
  }

  async function clearAll() {
    await Promise.all(children.map((child) => child.kill('SIGKILL')));
    await running?.stop();
    watchdog.release();
    fs.rmSync(folder, { recursive: true, force: true });
  }

  const clear = () => {
    cleared ??= clearAll();
    return cleared;
  };

  try {
    running = await servers.startServers(folder);
    const { brokerUrl, databaseUrl } = running;
    const receipts = path.join(folder, 'receipts');
    return {
      servers: running,
      query: administer({ url: databaseUrl }).query,
      receipts,
      clear,
      /** The last output of the child processes, for troubleshooting. */
      lastOutput: () => children.map((child) => child.lines.slice(-15).join('\n')).join('\n\n'),
      /** Starts `loghive consume shop till`. Resolves when it is consuming. */
      async startConsumer() {
        const env = { LOGHIVE_URL: brokerUrl, LOGHIVE_DATABASE_URL: databaseUrl };
        const consumer = run(LOGHIVE, ['consume', 'shop', 'till'], env);
        await consumer.waitForLine(/consuming messages of/, 30_000);
        return consumer;
      },
      /** @param port of the till that it replaces; '0' for any. */
      async openTill(version, port = '0') {
        const env = { LOGHIVE_URL: brokerUrl, SHOP_RECEIPTS: receipts, TILL_VERSION: version, PORT: port };
        const till = run(TILL, [], env);
        const [, url] = await till.waitForLine(/till on (http:\S+)/, 30_000);
        return { till, url };
      },
      async openShop(tillUrl) {
        const env = {
          ...{ LOGHIVE_URL: brokerUrl, TILL_URL: tillUrl },
          ...{ SHOP_RECEIPTS: receipts, SHOP_CONSOLE: 'off', PORT: '0' },
        };
        const shop = run(SHOP, [], env);
        const [, url] = await shop.waitForLine(/shop on (http:\S+)/, 30_000);
        return { shop, url };
      },
      /** Runs a command to its end. @returns the lines that it prints. */
      async loghive(args) {
        const command = run(LOGHIVE, args, { LOGHIVE_DATABASE_URL: databaseUrl, TZ: 'UTC' });
        command.stdin.end();
        const { code } = await command.exited;
        if (code !== 0) throw new Error(`loghive ${args.join(' ')} exited with ${code}`);
        return command.lines;
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}
