/**
 * `drain`: draining full quorum queues into PostgreSQL by `loghive consume` with its defaults, compared with one COPY
 * of the same rows into a table with the same indexes. PostgreSQL runs with fsync, and the indexes of the COPY's
 * table have PostgreSQL's default settings. `drain-1`, `drain-2` and `drain-4`: with this number of workers.
 */

import { compete, RATE } from './compare.mjs';
import { countRows, drainRound, emptyPendingLists, emptyTable, makeTable } from './consumer.mjs';
import { cpuOf, meter } from './cpu.mjs';

const FULL = { rounds: 5, records: 300_000 };
const SHORT = { rounds: 2, records: 150_000 };
/** Schema of the COPY's table. */
const PLAIN = 'plain';

/** @param workers default: the consumer's default */
function drainBench(name, workers, goal) {
  const extraMeasures = {
    'consumer, client of COPY': cpuOf('consumer'),
    PostgreSQL: cpuOf('postgresql'),
    broker: cpuOf('broker'),
  };
  return {
    name,
    goal,
    measure: RATE,
    extraMeasures,
    theirName: 'COPY',
    async run(environment, { short }, onRound) {
      const { rounds, records } = short ? SHORT : FULL;
      const filler = await environment.worker('publisher.mjs', 'mixed');
      await makeTable(environment);
      await makeTable(environment, PLAIN, true);
      const copy = await environment.worker('copy.mjs', PLAIN);
      const result = await compete(
        {
          measure: RATE,
          extraMeasures,
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
        onRound,
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
