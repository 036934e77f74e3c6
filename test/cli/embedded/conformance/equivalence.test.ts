/**
 * How to find out with which arguments a queue was declared, although AMQP has no method for it: redeclare it. A 406
 * names the first difference and the current value, which is used for the next attempt, until nothing differs.
 */
import { describe, expect, test } from 'vitest';
import type { PeerChannel } from '../../../support/amqp/peer-channel.js';
import { type Table, typed, type Value } from '../../../support/amqp/values.js';
import { onEnd, useBroker } from '../../../support/use-servers.js';
import { useBothBrokers } from './conversation.js';
import { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** Loghive's quorum queues. */
const OURS: Table = {
  'x-message-ttl': 604_800_000,
  'x-max-length': 1_000_000,
  'x-max-length-bytes': 1_073_741_824,
  'x-overflow': 'reject-publish',
  'x-queue-type': 'quorum',
};
/** And those for deployments with Python clients. */
const PYTHONS: Table = { 'x-message-ttl': 604_800_000, 'x-max-length': 1_000_000 };

const DIFFERENCE =
  /inequivalent arg '(?<name>[^']+)' for .*: received (?<received>.*) but current is (?:(?<none>none)|the value '(?<value>.*)' of type '(?<type>\w+)'|'(?<bare>.*)')$/s;
const MAX_DIFFERENCES = 12;

/**
 * Redeclares on a new channel each time, because a 406 closes it. Returns the arguments, as far as they are compared.
 */
async function learn(open: (number: number) => Promise<PeerChannel>, queue: string, args: Table): Promise<Table> {
  const learned = { ...args };
  for (let number = 2; number < 2 + MAX_DIFFERENCES; number += 1) {
    const channel = await open(number);
    const answer = await channel.call('queue.declare', { queue, durable: true, arguments: learned });
    if (answer?.method === 'queue.declare-ok') return learned;
    const { name = '', none, value, type, bare = '' } = DIFFERENCE.exec(String(answer?.args.replyText))?.groups ?? {};
    if (none) delete learned[name];
    else learned[name] = value === undefined ? like(learned[name], bare) : typedValue(type, value);
  }
  throw new Error(`${queue} still differs after ${MAX_DIFFERENCES} declarations`);
}

function typedValue(type: string | undefined, text: string): Value {
  if (type === 'longstr') return text;
  return type === 'bool' ? text === 'true' : typed('l', text);
}

/** If only the values differ, the types are equal. */
function like(value: Value | undefined, text: string): Value {
  return typeof value === 'string' ? text : typed('l', text);
}

const DECLARED: Record<string, Table> = {
  'a classic queue without arguments': {},
  'a classic queue that says so': { 'x-queue-type': 'classic' },
  'a classic queue with other limits': {
    'x-message-ttl': 5000,
    'x-max-length': typed('l', 7),
    'x-overflow': 'drop-head',
  },
  'a classic queue with everything': {
    'x-message-ttl': 1,
    'x-expires': 100_000_000,
    'x-max-length': typed('b', 5),
    'x-max-length-bytes': typed('s', 600),
    'x-overflow': 'drop-head',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': "it's a key",
  },
  'a quorum queue without arguments': { 'x-queue-type': 'quorum' },
  'a quorum queue with a delivery limit': { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 },
  'a quorum queue that expires': { 'x-queue-type': 'quorum', 'x-expires': 100_000_000 },
  'a quorum queue with everything': {
    'x-queue-type': 'quorum',
    'x-delivery-limit': 20,
    'x-message-ttl': 60_000,
    'x-max-length': 100,
    'x-max-length-bytes': 100_000,
    'x-overflow': 'reject-publish',
    'x-dead-letter-exchange': 'amq.direct',
    'x-dead-letter-routing-key': 'dead',
    'x-dead-letter-strategy': 'at-least-once',
  },
  'a queue with unknown arguments': { 'x-custom': 'a', other: 1 },
};

for (const [ours, args] of Object.entries({ 'our quorum queues': OURS, 'our classic queues': PYTHONS })) {
  for (const [what, declared] of Object.entries(DECLARED)) {
    conversation(`the arguments of ${what} are found, starting from ${ours}`, async (stage) => {
      const peer = await stage.connect();
      const first = await peer.channel(1);
      await first.call('queue.declare', { queue: stage.name('q'), durable: true, arguments: declared });
      const learned = await learn((number) => peer.channel(number), stage.name('q'), args);
      stage.note('learned', learned);
    });
  }
}

conversation('a long queue name leaves no room in the error for the current value', async (stage) => {
  const { call } = await stage.channel();
  const queue = stage.name('q').padEnd(200, '-');
  await call('queue.declare', { queue, arguments: { 'x-message-ttl': 5000 } });
  await call('queue.declare', { queue, arguments: { 'x-message-ttl': 6000 } });
});

/** Not compared, because the development broker does not support these arguments. */
describe('the procedure finds the arguments, which only RabbitMQ supports, of', () => {
  test.each<[string, Table]>([
    ['a stream', { 'x-queue-type': 'stream', 'x-max-length-bytes': 1_000_000, 'x-max-age': '1D' }],
    ['a classic queue with a single active consumer', { 'x-single-active-consumer': true }],
    ['a quorum queue with a single active consumer', { 'x-queue-type': 'quorum', 'x-single-active-consumer': true }],
    ['a queue with priorities', { 'x-max-priority': 5 }],
    ['a lazy queue', { 'x-queue-mode': 'lazy' }],
    ['a quorum queue with a memory limit', { 'x-queue-type': 'quorum', 'x-max-in-memory-length': 5 }],
    ['a queue with reject-publish-dlx', { 'x-overflow': 'reject-publish-dlx' }],
  ])('%s', async (_what, declared) => {
    const { host, port, vhost, url } = await useBroker();
    const stage = new Stage({ host, port, vhost, url, closeConnections: async () => 0 }, 'only');
    onEnd(() => stage.close());
    const peer = await stage.connect();
    const first = await peer.channel(1);
    await first.call('queue.declare', { queue: 'q', durable: true, arguments: declared });
    const learned = await learn((number) => peer.channel(number), 'q', OURS);
    const again = await learn((number) => peer.channel(100 + number), 'q', learned);
    expect(again).toEqual(learned);
    for (const [name, value] of Object.entries(declared)) {
      expect(learned[name], name).toEqual(typeof value === 'number' ? typed('l', String(value)) : value);
    }
  });
});
