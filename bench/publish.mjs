/**
 * `publish` and `publish-winston`: confirmed records a second, compared with typical use of amqplib: one persistent
 * message a record, with confirms. Both publish to quorum queues declared as Loghive does.
 */
import { compete, RATE } from './compare.mjs';
import { openQueues } from './queues.mjs';
import { SERVICE } from './records.mjs';

const THEIR_SERVICE = 'baseline';
const FULL = { rounds: 7, ours: 400_000, theirs: 20_000 };
const SHORT = { rounds: 3, ours: 200_000, theirs: 10_000 };

function publishBench(name, worker, goal) {
  return {
    name,
    goal,
    measure: RATE,
    theirName: 'amqplib',
    async run(environment, { short }, onRound) {
      const sizes = short ? SHORT : FULL;
      const queues = await openQueues(environment.rabbitmq);
      const ours = await queues.declare(SERVICE);
      const theirs = await queues.declare(THEIR_SERVICE);
      const ourWorker = await environment.worker(worker);
      const theirWorker = await environment.worker('amqplib.mjs', theirs.exchange, theirs.routingKey);
      const result = await compete(
        {
          measure: RATE,
          rounds: sizes.rounds,
          warmUps: 2,
          async ours() {
            const { seconds } = await ourWorker.round(sizes.ours);
            return { seconds, records: sizes.ours, ...(await queues.takeAll(ours.queue, sizes.ours)) };
          },
          async theirs() {
            const { seconds } = await theirWorker.round(sizes.theirs);
            return { seconds, records: sizes.theirs, ...(await queues.takeAll(theirs.queue, sizes.theirs)) };
          },
        },
        onRound,
      );
      await Promise.all([ourWorker.end(), theirWorker.end()]);
      await queues.close();
      return result;
    },
  };
}

export const publish = publishBench('publish', 'publisher.mjs', 12);
export const publishWinston = publishBench('publish-winston', 'winston.mjs');
