/** Starts consumers, as `loghive consume` or as consume.mjs, and adds up their reports. */
import path from 'node:path';
import { startChild } from '../support/child.mjs';
import { followChild } from './follow.mjs';

/** The built `loghive` command. */
export const COMMAND = path.join(import.meta.dirname, '..', '..', 'dist', 'esm', 'cli', 'main.js');
const SCRIPT = path.join(import.meta.dirname, 'consume.mjs');
const READY_MS = 60_000;
/** `stop()` may take 8 s. The process must have exited after 10 s. */
const STOP_MS = 10_000;

/** @param usualOptions default options for consumers run by consume.mjs. */
export function createConsumers({ folder, services: usual, url, databaseUrl, env = {}, usualOptions = {} }) {
  const started = [];
  const scripts = [];

  function track(consumer) {
    started.push(consumer);
    return consumer;
  }

  /**
   * Runs `loghive consume`, as a user would. Without services, it consumes those in the table and those that announce
   * themselves.
   */
  function command({ services = usual } = {}) {
    const args = ['consume', ...services, '--url', url, '--database-url', databaseUrl];
    const child = startChild(COMMAND, { args, cwd: folder, env });
    return track({
      child,
      ready: () => child.waitForLine(/taking messages of/, READY_MS),
      ended: child.exited,
      tail: () =>
        child.lines
          .slice(-15)
          .map((line) => `    ${line}`)
          .join('\n'),
    });
  }

  /** @param setup { dieAtCommit, waitForGo } for consume.mjs, `services`, consumer `options`, and `nodeArgs`. */
  function script({ services = usual, options = {}, nodeArgs, ...setup } = {}) {
    const argument = { services, options: { url, databaseUrl, ...usualOptions, ...options }, ...setup };
    const follower = followChild(SCRIPT, { args: [JSON.stringify(argument)], cwd: folder, env, nodeArgs });
    scripts.push(follower);
    let kills = 0;
    return track({
      child: follower.child,
      follower,
      until: follower.until,
      get status() {
        return follower.latest;
      },
      go: () => follower.child.send('go'),
      /** Terminates a worker thread, if it is running. Resolves when it has ended. */
      async killWorker(id) {
        const asked = ++kills;
        await follower.child.send({ killWorker: id });
        await follower.until(`worker ${id} has ended`, (facts) => facts.kills >= asked);
      },
      /** How many times it has logged the death of a worker thread that we terminated. */
      get threadsKilled() {
        return follower.child.stderr.filter((line) => /worker \d+ died: it was ended by a test/.test(line)).length;
      },
      ready: () => follower.until('the consumer is consuming', () => follower.has('ready'), READY_MS),
      ended: follower.ended,
      tail: follower.tail,
    });
  }

  return {
    command,
    script,
    /** A number of ConsumerStatus.counts, summed over all consumers of consume.mjs. */
    count: (name) => scripts.reduce((sum, { latest }) => sum + (latest.counts?.[name] ?? 0), 0),
    /** Ends the running consumers by SIGTERM. Returns a message for each that did not exit as it should. */
    async stop() {
      const faults = [];
      for (const consumer of started.filter(({ child }) => child.running)) {
        const begun = performance.now();
        consumer.child.kill('SIGTERM');
        const late = setTimeout(() => consumer.child.kill('SIGKILL'), 2 * STOP_MS);
        const { code, signal } = await consumer.ended;
        clearTimeout(late);
        const tookMs = Math.round(performance.now() - begun);
        if (code !== 0 || tookMs > STOP_MS) faults.push(`consumer after SIGTERM: exit ${code ?? signal}, ${tookMs} ms`);
      }
      return faults;
    },
    async kill() {
      for (const { child } of started) await child.kill('SIGKILL');
    },
    tails: () => started.slice(-2).map((consumer) => consumer.tail()),
  };
}
