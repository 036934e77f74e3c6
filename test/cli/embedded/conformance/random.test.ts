/** Random conversations: steps drawn from a seed, identical for both brokers. */
import { seeded } from '../../../suite/random.mjs';
import type { Table } from '../../../support/amqp/values.js';
import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

const STEPS = 60;

/** All kinds of queues that only answer when asked. */
const queues = ({ name }: Stage): Array<[queue: string, args: Table]> => [
  [name('plain'), {}],
  [name('short'), { 'x-max-length': 3, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead') }],
  [name('strict'), { 'x-max-length-bytes': 6, 'x-overflow': 'reject-publish' }],
  [name('dead'), {}],
];

async function talk(stage: Stage, seed: number): Promise<void> {
  const random = seeded(`conversation ${seed}`);
  const roll = (limit: number) => Math.floor(random() * limit);
  const channel = await stage.confirming();
  const names = queues(stage).map(([queue]) => queue);
  for (const [queue, args] of queues(stage)) await channel.call('queue.declare', { queue, arguments: args });
  for (const queue of names.slice(0, 3)) {
    await channel.call('queue.bind', { queue, exchange: 'amq.direct', routingKey: stage.name('all') });
  }
  let published = 0;
  let taken = 0;
  let held: number[] = [];
  const release = (tag: number, multiple: boolean) => {
    held = held.filter((each) => (multiple ? each > tag : each !== tag));
  };
  for (let step = 0; step < STEPS; step += 1) {
    // Not the dead-letter queues, which receive messages asynchronously.
    const queue = names[roll(3)]!;
    const kind = roll(10);
    if (kind < 4) {
      published += 1;
      const toAll = roll(3) === 0;
      channel.publish(toAll ? 'amq.direct' : '', toAll ? stage.name('all') : queue, 'x'.repeat(roll(4)) + published);
      await channel.confirmed(published);
    } else if (kind < 7) {
      const noAck = roll(4) === 0;
      const answer = await channel.call('basic.get', { queue, noAck });
      if (answer?.method !== 'basic.get-ok') continue;
      taken += 1;
      if (!noAck) held.push(taken);
    } else if (held.length > 0) {
      const deliveryTag = held[roll(held.length)]!;
      const multiple = roll(3) === 0;
      if (kind === 7) channel.send('basic.ack', { deliveryTag, multiple });
      else channel.send('basic.nack', { deliveryTag, multiple, requeue: kind === 8 });
      release(deliveryTag, multiple);
    } else if (roll(5) === 0) await channel.call('queue.purge', { queue });
  }
  await channel.call('basic.recover', { requeue: true });
  for (const queue of names) await channel.drain(queue);
}

for (let seed = 1; seed <= 15; seed += 1) {
  conversation(`sixty random steps of publishing, getting, acknowledging and requeueing, from ${seed}`, (stage) =>
    talk(stage, seed),
  );
}
