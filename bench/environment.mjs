/** The servers and processes of a run, all of which are removed by `clear()`. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startChild } from '../test/support/child.mjs';
import { startServers } from '../test/support/servers.mjs';
import { startWatchdog } from '../test/support/watchdog.mjs';

/** PostgreSQL's default settings, which the tests disable. */
const DURABLE = { fsync: 'on', full_page_writes: 'on' };

const ROUND_DEADLINE_MS = 120_000;

/** @param profileFolder folder for the CPU profile of each process; default: no profiles */
export async function openEnvironment(profileFolder) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'loghive-bench-'));
  const watchdog = startWatchdog({ dir: folder, removeDir: true, processes: [] });
  const children = [];
  let servers;
  let cleared;

  async function clearAll() {
    await Promise.all(children.map((child) => child.kill('SIGKILL')));
    await servers?.stop();
    watchdog.release();
    fs.rmSync(folder, { recursive: true, force: true });
  }

  const clear = () => {
    cleared ??= clearAll();
    return cleared;
  };

  try {
    servers = await startServers({ postgres: { settings: DURABLE } });
    const { rabbitmq, postgres } = servers;
    const databaseUrl = await postgres.createDatabase('bench');
    // Settings of this machine must have no effect.
    const env = {
      PATH: process.env.PATH ?? '',
      LOGHIVE_URL: rabbitmq.url,
      LOGHIVE_DATABASE_URL: databaseUrl,
      LOGHIVE_SPOOL_DIR: path.join(folder, 'spool'),
    };
    const nodeArgs = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];

    const run = (file, args, { env: more, ...options } = {}) => {
      const child = startChild(path.join(import.meta.dirname, file), {
        args,
        env: { ...env, ...more },
        nodeArgs,
        inheritEnv: false,
        cwd: folder,
        ...options,
      });
      children.push(child);
      return child;
    };
    return {
      rabbitmq,
      postgres,
      clear,
      run,
      /** Starts a development broker, which runs until clear(), and returns its URL. */
      developmentBroker() {
        return run(path.join('workers', 'development-broker.mjs'), []).waitForMessage(({ ready }) => ready, 30_000);
      },
      /** Starts a worker (see workers/serve.mjs), which communicates by messages. Its stdout is /dev/null. */
      async worker(file, ...args) {
        const child = run(path.join('workers', file), args, { stdout: 'ignore' });
        await child.waitForMessage(({ ready }) => ready, 30_000);
        return {
          pid: child.pid,
          /** @throws Error with the stack trace of the failed round. */
          async round(records) {
            const from = child.messages.length;
            await child.send({ records });
            const answer = await child.waitForMessage(() => true, ROUND_DEADLINE_MS, { from });
            if (answer.failure) throw new Error(answer.failure);
            return answer;
          },
          async end() {
            await child.send({ end: true });
            await child.exited;
          },
        };
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}
