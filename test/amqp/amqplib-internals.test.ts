/** The undocumented parts of amqplib that Loghive uses: an update that changes any of them fails here. */
import net from 'node:net';
import { type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { describe, expect, test } from 'vitest';
import {
  brokerReplyText,
  failedMethodOf,
  internalsOf,
  isNack,
  isUnencodable,
  messageOf,
} from '../../src/amqp/amqplib-internals.js';
import { onEnd, uniqueName, useBroker } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const broker = await useBroker();

async function open() {
  const model = await connect(`${broker.url}?heartbeat=60`, { clientProperties: {} });
  onEnd(() => model.close().catch(() => {}));
  model.on('error', () => {});
  return model;
}

function failure(channel: ConfirmChannel): Promise<Error> {
  return new Promise((resolve) => channel.once('error', resolve));
}

describe('a connection of amqplib', () => {
  test('has a socket, heartbeat timers that can be unreferenced, and the negotiated values', async () => {
    const model = await open();
    const { connection } = model as unknown as {
      connection: { heartbeater: Record<'sendTimer' | 'recvTimer', NodeJS.Timeout>; maxFrameSize: number };
    };
    const internals = internalsOf(model);
    expect(internals.socket).toBeInstanceOf(net.Socket);
    expect(internals).toMatchObject({ heartbeatMs: 60_000, channelMax: 2047, frameMax: 131_072, isBlocked: false });
    expect(connection.maxFrameSize).toBeGreaterThan(0);
    const timers = [connection.heartbeater.sendTimer, connection.heartbeater.recvTimer];
    expect(timers.map((timer) => timer.hasRef())).toEqual([true, true]);
    internals.unref();
    expect(timers.map((timer) => timer.hasRef())).toEqual([false, false]);
  });

  test('can pause reading, and continues where it stopped', async () => {
    const model = await open();
    const internals = internalsOf(model);
    const channel = await model.createChannel();
    internals.pauseReading();
    expect(internals.isReadingPaused).toBe(true);
    let answered = false;
    const asked = channel.prefetch(1).then(() => {
      answered = true;
    });
    await eventually(() => internals.socket.readableLength > 0);
    expect(answered).toBe(false);
    internals.resumeReading();
    await asked;
    expect(internals.isReadingPaused).toBe(false);
  });

  test('writes everything published in one turn of the event loop together', async () => {
    const model = await open();
    const { socket } = internalsOf(model);
    let writes = 0;
    for (const name of ['_write', '_writev'] as const) {
      const original = (socket[name] as (...parts: unknown[]) => void).bind(socket);
      Object.assign(socket, {
        [name]: (...parts: unknown[]) => {
          writes += 1;
          original(...parts);
        },
      });
    }
    const channel = await model.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    writes = 0;
    const messages = 1000;
    for (let n = 0; n < messages; n++) channel.sendToQueue(queue, Buffer.from(`message ${n}`));
    await channel.waitForConfirms();
    expect(writes).toBeLessThan(messages / 20);
    expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: messages });
  });

  test('delivers messages whose headers its own decoder would decode the same way', async () => {
    const [plain, ours] = await Promise.all([open(), open()]);
    internalsOf(ours);
    const headers = { text: 'ä', number: 5, big: 2 ** 40, half: 0.5, yes: true, list: [1, 'x'], table: { a: null } };
    const taken = [];
    for (const model of [plain, ours]) {
      const channel = await model.createConfirmChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      channel.sendToQueue(queue, Buffer.from('body'), {
        headers,
        contentType: 'text/plain',
        timestamp: 5,
        priority: 1,
      });
      await channel.waitForConfirms();
      const { properties, content } = (await channel.get(queue, { noAck: true })) as GetMessage;
      taken.push({ ...properties, body: content.toString() });
    }
    const [one, other] = taken;
    expect(other).toEqual(one);
    expect(other).toMatchObject({ headers, contentType: 'text/plain', body: 'body' });
  });
});

describe('an error of amqplib', () => {
  test('contains the method that closed the channel, and the reply text', async () => {
    const channel = await (await open()).createConfirmChannel();
    const failed = failure(channel);
    await channel.consume(uniqueName('nowhere'), () => {}).catch(() => {});
    const error = await failed;
    expect(failedMethodOf(error)).toEqual({ classId: 60, methodId: 20 });
    expect(brokerReplyText(error)).toMatch(/^NOT_FOUND - no queue 'nowhere/);
  });

  test('of an acknowledgement is not an error of a subscription', async () => {
    const channel = await (await open()).createConfirmChannel();
    const failed = failure(channel);
    channel.ack(messageOf(99));
    expect(failedMethodOf(await failed)).toEqual({ classId: 60, methodId: 80 });
  });

  test('distinguishes a nacked message from a closed channel', async () => {
    const model = await open();
    const channel = await model.createConfirmChannel();
    const queue = uniqueName('full');
    await channel.assertQueue(queue, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
    const publish = () =>
      new Promise<Error | null>((resolve) => channel.sendToQueue(queue, Buffer.from('m'), {}, resolve));
    expect(await publish()).toBeNull();
    const nacked = await eventually(async () => (await publish()) ?? null);
    expect(isNack(nacked)).toBe(true);
    const unanswered = publish();
    await channel.close();
    expect(isNack(await unanswered)).toBe(false);
    const closed = (() => {
      try {
        return channel.publish('', queue, Buffer.from('m'));
      } catch (error) {
        return error;
      }
    })();
    expect(isUnencodable(closed)).toBe(false);
  });

  test.each([
    ['a number that is NaN', { headers: { n: Number.NaN } }],
    ['a number below every integer', { headers: { n: Number.NEGATIVE_INFINITY } }],
    ['headers that are too large', { headers: { text: 'x'.repeat(70_000) } }],
    ['a name of 300 bytes', { headers: { ['n'.repeat(300)]: 1 } }],
    ['a content type of 300 bytes', { contentType: 'c'.repeat(300) }],
  ])('shows that nothing was sent because of %s', async (_what, properties) => {
    const channel = await (await open()).createConfirmChannel();
    let error: unknown;
    try {
      channel.publish('', 'queue', Buffer.from('m'), properties);
    } catch (thrown) {
      error = thrown;
    }
    expect(isUnencodable(error)).toBe(true);
  });
});
