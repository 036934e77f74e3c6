/**
 * `drain`: full quorum queues until all of it is committed in PostgreSQL, by `loghive consume` with its defaults, against
 * one COPY of the same rows into a table with the same indexes. PostgreSQL is as it comes: fsync on, and the indexes of the
 * COPY have the settings that PostgreSQL gives them. `drain-1`, `drain-2` and `drain-4`: with so many workers.
 */

import { compete, RATE } from './compare.mjs';
import { countRows, drainRound, emptyPendingLists, emptyTable, makeTable } from './consumer.mjs';
import { cpuOf, meter } from './cpu.mjs';

const FULL = { rounds: 5, records: 300_000 };
const SHORT = { rounds: 2, records: 150_000 };
/** Of the COPY. */
const PLAIN = 'plain';

/** @param workers default: as many as the consumer takes by itself */
function drainBench(name, workers, goal) {
  const beside = {
    'consumer, client of COPY': cpuOf('consumer'),
    PostgreSQL: cpuOf('postgresql'),
    broker: cpuOf('broker'),
  };
  return {
    name,
    goal,
    measure: RATE,
    beside,
    theirName: 'COPY',
    async run(environment, { short }, told) {
      const { rounds, records } = short ? SHORT : FULL;
      const filler = await environment.worker('publisher.mjs', 'mixed');
      await makeTable(environment);
      await makeTable(environment, PLAIN, true);
      const copy = await environment.worker('copy.mjs', PLAIN);
      const result = await compete(
        {
          measure: RATE,
          beside,
          rounds,
          ours: () => drainRound(environment, filler, records, { workers }),
          async theirs() {
            await emptyTable(environment, PLAIN);
            const measured = meter({
              consumer: copy.pid,
              postgresql: environment.postgres.pid,
              broker: environment.rabbitmq.pid,
            });
            const { seconds } = await copy.round(records);
            await emptyPendingLists(environment, PLAIN);
            const cpu = { ...measured(), broker: 0 };
            return { seconds, cpu, records, ...(await countRows(environment, records, PLAIN)) };
          },
        },
        told,
      );
      await Promise.all([filler.end(), copy.end()]);
      return result;
    },
  };
}

export const drain = drainBench('drain', undefined, 1);
export const drainByOne = drainBench('drain-1', 1);
export const drainByTwo = drainBench('drain-2', 2);
export const drainByFour = drainBench('drain-4', 4);
