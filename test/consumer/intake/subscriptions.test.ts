/** A slow broker, whose answers a real one cannot be told to delay. */
import type { Channel, ConsumeMessage } from 'amqplib';
import { expect, test } from 'vitest';
import type { Subscription } from '../../../consumer/intake/subscription.js';
import { Subscriptions } from '../../../consumer/intake/subscriptions.js';
import type { OpenConnection } from '../../../src/amqp/open-connection.js';
import type { Topology } from '../../../src/amqp/topology.js';
import type { QueueDeclaration } from '../../../src/wire.js';
import { eventually } from '../../support/wait.mjs';

const queueOf = (queue: string) => ({ queue, exchange: 'logs_exchange', routingKey: queue, arguments: {} });

/** Subscriptions on a channel that records what is asked, and answers `basic.consume` when it may. */
function useChannel() {
  const asked: string[] = [];
  const answers: Array<() => void> = [];
  const found = new Map<string, Subscription>();
  const declaring: Array<{ queue: string; done: () => void }> = [];
  let isSlow = false;
  let isSlowToDeclare = false;
  const deliver = new Map<string, (message: ConsumeMessage) => void>();
  const channel = {
    prefetch: async () => undefined,
    cancel: async () => undefined,
    async consume(queue: string, onMessage: (message: ConsumeMessage) => void) {
      asked.push(queue);
      deliver.set(queue, onMessage);
      if (isSlow) await new Promise<void>((resolve) => answers.push(resolve));
      return { consumerTag: queue };
    },
  };
  const subscriptions = new Subscriptions({
    connection: {} as OpenConnection,
    topology: {
      async ensure(_: OpenConnection, { queue }: QueueDeclaration) {
        if (isSlowToDeclare) await new Promise<void>((done) => declaring.push({ queue, done }));
        return undefined;
      },
      forget() {},
      forgetQueue() {},
    } as unknown as Topology,
    isOpen: () => true,
    budget: () => ({ bytes: 2 ** 26, batchRecords: 5000, busyQueues: 1 }),
    isSevere: () => false,
    onMessage: (subscription) => void found.set(subscription.queue, subscription),
    onHazard() {},
    onRefused() {},
  });
  /** A message that uses up the prefetch of its queue. */
  const receive = (queue: string) => {
    deliver.get(queue)!({} as ConsumeMessage);
    const subscription = found.get(queue)!;
    subscription.delivered(300, 300);
    subscriptions.review(subscription);
  };
  return {
    subscriptions,
    asked,
    declaring,
    receive,
    begin: () => subscriptions.begin(channel as unknown as Channel),
    slow: () => {
      isSlow = true;
    },
    slowToDeclare: () => {
      isSlowToDeclare = true;
    },
    answer: () => answers.shift()!(),
  };
}

test('a new queue is subscribed to before busy queues get a larger prefetch, of which there may be many', async () => {
  const { subscriptions, asked, receive, begin, slow, answer } = useChannel();
  subscriptions.add(['a', 'b', 'c'].map(queueOf) as QueueDeclaration[], 0);
  await begin();
  expect(asked.splice(0)).toEqual(['a', 'b', 'c']);
  slow();
  for (const queue of ['a', 'b', 'c']) receive(queue);
  await eventually(() => asked.length === 1);
  subscriptions.add([queueOf('new')] as QueueDeclaration[], 0);
  for (const count of [2, 3, 4]) {
    // The declaration is answered meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer();
    await eventually(() => asked.length === count);
  }
  answer();
  expect(asked).toEqual(['a', 'new', 'b', 'c']);
  subscriptions.stop();
});

test('several queues are declared at the same time, those of the highest rank first', async () => {
  const { subscriptions, asked, declaring, begin, slowToDeclare } = useChannel();
  slowToDeclare();
  subscriptions.add(['a', 'b', 'c', 'd', 'e', 'f'].map(queueOf) as QueueDeclaration[], 0);
  subscriptions.add([queueOf('first')] as QueueDeclaration[], 1);
  const begun = begin();
  await eventually(() => declaring.length === 4);
  expect(declaring.map(({ queue }) => queue)).toEqual(['first', 'a', 'b', 'c']);
  subscriptions.add([queueOf('next')] as QueueDeclaration[], 2);
  declaring[2]!.done();
  await eventually(() => declaring.length === 5);
  expect(declaring[4]!.queue).toBe('next');
  expect(asked).toEqual(['b']);
  for (const at of [0, 1, 3, 4, 5, 6, 7]) {
    await eventually(() => declaring.length > at);
    declaring[at]!.done();
  }
  await begun;
  expect([...asked].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'first', 'next']);
  subscriptions.stop();
});
