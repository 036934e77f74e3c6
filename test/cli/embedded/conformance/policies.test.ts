/** Policies, which the development broker does not have, and their effect on a queue declared without arguments. */
import { expect, test } from 'vitest';
import type { PeerChannel } from '../../../support/amqp/peer-channel.js';
import { type TestBroker, useBroker } from '../../../support/use-servers.js';
import { eventually } from '../../../support/wait.mjs';
import { Stage } from './stage.js';

async function useChannel({ host, port, vhost, url }: TestBroker): Promise<PeerChannel> {
  const stage = new Stage({ host, port, vhost, url, closeConnections: async () => 0 }, 'only');
  return stage.confirming();
}

/** How often a message is delivered before the broker drops it, if it is requeued each time. */
async function deliveriesOf(broker: TestBroker, { call, publish, confirmed, send }: PeerChannel): Promise<number> {
  publish('', 'q', 'x');
  await confirmed(1);
  for (let deliveryTag = 1; ; deliveryTag += 1) {
    const got = await call('basic.get', { queue: 'q' });
    if (got?.method === 'basic.get-empty') return deliveryTag - 1;
    send('basic.reject', { deliveryTag, requeue: true });
    await eventually(async () => expect(await broker.listQueues()).toMatchObject([{ unacked: 0 }]));
  }
}

const QUORUM = { 'x-queue-type': 'quorum' };

test.each<[string, { policy: number; argument?: number }, number]>([
  ['a policy alone', { policy: 2 }, 3],
  ['a policy that is lower than the argument', { policy: 1, argument: 4 }, 2],
  ['a policy that is higher than the argument', { policy: 4, argument: 1 }, 2],
  ['a policy of 0', { policy: 0 }, 1],
])('%s limits the deliveries of a quorum queue', async (_what, { policy, argument }, deliveries) => {
  const broker = await useBroker();
  const channel = await useChannel(broker);
  const args = argument === undefined ? QUORUM : { ...QUORUM, 'x-delivery-limit': argument };
  await channel.call('queue.declare', { queue: 'q', durable: true, arguments: args });
  await broker.admin.setPolicy('limit', '^q$', { 'delivery-limit': policy }, { vhost: broker.vhost });
  expect(await deliveriesOf(broker, channel)).toBe(deliveries);
});

test('AMQP does not show policies: the queue is redeclared as if it had none', async () => {
  const broker = await useBroker();
  const channel = await useChannel(broker);
  await broker.admin.setPolicy('limit', '^q$', { 'delivery-limit': 2, 'max-length': 5 }, { vhost: broker.vhost });
  const declaration = { queue: 'q', durable: true, arguments: QUORUM };
  for (let times = 0; times < 2; times += 1) {
    expect(await channel.call('queue.declare', declaration)).toMatchObject({ method: 'queue.declare-ok' });
  }
  expect(await broker.listQueues()).toMatchObject([{ name: 'q', arguments: QUORUM }]);
});
