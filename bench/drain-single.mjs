/**
 * `drain-single`: draining a quorum queue with one record a message into PostgreSQL by `loghive consume` with its
 * defaults, compared with amqplib consuming and acknowledging the same messages without storing them.
 */

import { compete, RATE } from './compare.mjs';
import { drainRound, makeTable } from './consumer.mjs';
import { cpuOf, meter } from './cpu.mjs';
import { openQueues } from './queues.mjs';
import { SERVICE } from './records.mjs';

const FULL = { rounds: 5, records: 100_000 };
const SHORT = { rounds: 2, records: 30_000 };

const extraMeasures = {
  'consumer, amqplib': cpuOf('consumer'),
  PostgreSQL: cpuOf('postgresql'),
  broker: cpuOf('broker'),
};

export const drainSingle = {
  name: 'drain-single',
  measure: RATE,
  extraMeasures,
  theirName: 'amqplib',
  async run(environment, { short }, onRound) {
    const { rounds, records } = short ? SHORT : FULL;
    await makeTable(environment);
    const queues = await openQueues(environment.rabbitmq);
    const { exchange, queue, routingKey } = await queues.declare(SERVICE);
    const filler = await environment.worker('amqplib.mjs', exchange, routingKey);
    const consumer = await environment.worker('take.mjs', queue, environment.rabbitmq.url);
    const result = await compete(
      {
        measure: RATE,
        extraMeasures,
        rounds,
        ours: () => drainRound(environment, filler, records),
        async theirs() {
          await filler.round(records);
          const measured = meter({ consumer: consumer.pid, postgresql: undefined, broker: environment.rabbitmq.pid });
          const { seconds, lost, doubled } = await consumer.round(records);
          return { seconds, cpu: measured(), records, lost, doubled };
        },
      },
      onRound,
    );
    await Promise.all([filler.end(), consumer.end()]);
    await queues.close();
    return result;
  },
};
