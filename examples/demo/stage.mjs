/** Everything the demo starts: servers, a folder, child processes. All of it is gone after `clear()`. */
import fs from 'node:fs';
import path from 'node:path';
import { startChild } from '../../test/support/child.mjs';
import { holdLeash } from '../../test/support/leash.mjs';
import { administer } from '../../test/support/postgres-admin.mjs';
import { reachableTemporaryFolder } from '../../test/support/postgres-binaries.mjs';

const root = path.resolve(import.meta.dirname, '..', '..');
const LOGHIVE = path.join(root, 'dist', 'esm', 'cli', 'main.js');
const SHOP = path.join(root, 'examples', 'shop', 'shop.mjs');

/** @param maker embedded.mjs or real.mjs */
export async function buildStage(maker) {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(reachableTemporaryFolder()), 'loghive-demo-'));
  // Started by root, PostgreSQL runs as another user, who must get through.
  if (process.getuid?.() === 0) fs.chmodSync(folder, 0o711);
  // Removes the folder even when this process is killed; children are held in the same way.
  const leash = holdLeash({ dir: folder, removeDir: true, processes: maker.leftovers(folder) });
  const children = [];
  let cleared;
  let servers;

  function run(file, args, env) {
    const { PATH = '' } = process.env;
    const child = startChild(file, { args, env: { PATH, ...env }, inheritEnv: false, cwd: folder });
    children.push(child);
    return child;
  }

  async function clearAll() {
    await Promise.all(children.map((child) => child.kill('SIGKILL')));
    await servers?.stop();
    leash.release();
    fs.rmSync(folder, { recursive: true, force: true });
  }

  const clear = () => {
    cleared ??= clearAll();
    return cleared;
  };

  try {
    servers = await maker.startServers(folder);
    const { brokerUrl, databaseUrl } = servers;
    const receipts = path.join(folder, 'receipts');
    return {
      servers,
      query: administer({ url: databaseUrl }).query,
      receipts,
      clear,
      /** What the programs said last, for a person who has to find out what went wrong. */
      lastWords: () => children.map((child) => child.lines.slice(-15).join('\n')).join('\n\n'),
      /** `loghive consume shop`, as on any command line. Resolves when it takes messages. */
      async startConsumer() {
        const env = { LOGHIVE_URL: brokerUrl, LOGHIVE_DATABASE_URL: databaseUrl };
        const consumer = run(LOGHIVE, ['consume', 'shop'], env);
        await consumer.waitForLine(/consuming messages of shop/, 30_000);
        return consumer;
      },
      async openShop() {
        const env = { LOGHIVE_URL: brokerUrl, SHOP_RECEIPTS: receipts, SHOP_CONSOLE: 'off', PORT: '0' };
        const shop = run(SHOP, [], env);
        const [, url] = await shop.waitForLine(/shop on (http:\S+)/, 30_000);
        return { shop, url };
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}
