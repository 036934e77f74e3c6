/**
 * `end-to-end`: the time from a logging call until another connection sees the row, stored by `loghive consume` with
 * its defaults, one record after the other; compared with an INSERT of the same row by pg, without a broker.
 */

import { compete } from './compare.mjs';
import { emptyTable, makeTable, startConsumer } from './consumer.mjs';

const FULL = { rounds: 5, records: 100 };
const SHORT = { rounds: 2, records: 30 };

const percentile = (name) => ({ unit: 'ms', better: 'less', digits: 1, of: (round) => round[name] });
const MEDIAN = percentile('p50');
const extraMeasures = { '99th percentile': percentile('p99') };

export const endToEnd = {
  name: 'end-to-end',
  measure: MEDIAN,
  extraMeasures,
  theirName: 'INSERT',
  async run(environment, { short }, onRound) {
    const { rounds, records } = short ? SHORT : FULL;
    await makeTable(environment);
    const consumer = startConsumer(environment);
    await consumer.waitForLine(/consuming messages/, 30_000);
    const workers = await Promise.all(['logger', 'insert'].map((how) => environment.worker('end-to-end.mjs', how)));
    const [ours, theirs] = workers.map((worker) => async () => {
      await emptyTable(environment);
      return worker.round(records);
    });
    const result = await compete({ measure: MEDIAN, extraMeasures, rounds, ours, theirs }, onRound);
    await Promise.all(workers.map((worker) => worker.end()));
    await consumer.kill('SIGTERM');
    return result;
  },
};
