/**
 * `search`: the cost of a search for one value of `information` while records are stored at full speed, so that the
 * index's pending lists are in use, compared with the same search with empty lists. Measured in CPU time, because
 * consumer, producer and broker share the machine.
 */

import { compete } from './compare.mjs';
import { drainRound, emptyPendingLists, makeTable, startConsumer } from './consumer.mjs';

const FULL = { rounds: 5, searches: 1000, stored: 300_000, fed: 100_000 };
const SHORT = { rounds: 2, searches: 200, stored: 100_000, fed: 50_000 };

const MEASURE = { unit: 'ms of CPU/search', better: 'less', digits: 2, of: ({ ms }) => ms };

export const search = {
  name: 'search',
  goal: 2,
  measure: MEASURE,
  theirName: 'empty lists',
  async run(environment, { short }, onRound) {
    const { rounds, searches, stored, fed } = short ? SHORT : FULL;
    await makeTable(environment);
    const filler = await environment.worker('publisher.mjs', 'mixed');
    await drainRound(environment, filler, stored);
    const consumer = startConsumer(environment);
    await consumer.waitForLine(/consuming messages/, 30_000);
    // Every feed stores the numbers below `fed` again. Numbers from `fed` on occur once, so a search finds one record.
    const searcher = await environment.worker('search.mjs', String(fed));
    const result = await compete(
      {
        measure: MEASURE,
        rounds,
        async ours() {
          let isOver = false;
          const feeding = (async () => {
            while (!isOver) await filler.round(fed);
          })();
          const searched = await searcher.round(searches);
          isOver = true;
          await feeding;
          await drained(environment);
          return { ...searched, lost: 0, doubled: 0 };
        },
        async theirs() {
          await emptyPendingLists(environment);
          return { ...(await searcher.round(searches)), lost: 0, doubled: 0 };
        },
      },
      onRound,
    );
    await Promise.all([filler.end(), searcher.end()]);
    await consumer.kill('SIGTERM');
    return result;
  },
};

/** Waits until all published records are stored. */
async function drained({ rabbitmq }) {
  const left = async () => (await rabbitmq.listQueues()).reduce((sum, { messages }) => sum + messages, 0);
  while ((await left()) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
}
