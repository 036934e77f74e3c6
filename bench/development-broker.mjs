/**
 * `dev-broker-publish` and `dev-broker-drain`: the development broker compared with RabbitMQ, one persistent message a
 * record, published to a quorum queue declared as Loghive does, and consumed from it. Both use the same client:
 * amqplib.
 */
import { compete, RATE } from './compare.mjs';
import { openQueues } from './queues.mjs';
import { SERVICE } from './records.mjs';

const FULL = { rounds: 5, records: 40_000 };
const SHORT = { rounds: 2, records: 10_000 };

/** @param roundOf runs a round and returns the measured seconds */
function brokerBench(name, roundOf) {
  return {
    name,
    measure: RATE,
    theirName: 'RabbitMQ',
    async run(environment, { short }, onRound) {
      const { rounds, records } = short ? SHORT : FULL;
      const { url } = await environment.developmentBroker();
      const [ours, theirs] = await Promise.all(
        [url, environment.rabbitmq.url].map((broker) => openClients(environment, broker)),
      );
      const result = await compete(
        {
          measure: RATE,
          rounds,
          warmUps: 2,
          ours: () => roundOf(ours, records),
          theirs: () => roundOf(theirs, records),
        },
        onRound,
      );
      await Promise.all([ours.end(), theirs.end()]);
      return result;
    },
  };
}

/** A queue of one broker, with a publisher and a consumer in processes of their own. */
async function openClients(environment, url) {
  const queues = await openQueues({ url, version: '3.10.0' });
  const { exchange, queue, routingKey } = await queues.declare(SERVICE);
  const publisher = await environment.worker('amqplib.mjs', exchange, routingKey, url);
  const consumer = await environment.worker('take.mjs', queue, url);
  return {
    publish: (records) => publisher.round(records),
    consume: (records) => consumer.round(records),
    async end() {
      await Promise.all([publisher.end(), consumer.end()]);
      await queues.close();
    },
  };
}

export const developmentBrokerPublish = brokerBench('dev-broker-publish', async (clients, records) => {
  const { seconds } = await clients.publish(records);
  const { lost, doubled } = await clients.consume(records);
  return { records, seconds, lost, doubled };
});

export const developmentBrokerDrain = brokerBench('dev-broker-drain', async (clients, records) => {
  await clients.publish(records);
  const { seconds, lost, doubled } = await clients.consume(records);
  return { records, seconds, lost, doubled };
});
