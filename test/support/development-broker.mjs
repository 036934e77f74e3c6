/**
 * The development broker in a process of its own, with the interface of the RabbitMQ servers (rabbitmq.d.mts) as far as
 * it is supported.
 */
import path from 'node:path';
import amqplib from 'amqplib';
import { startChild } from './child.mjs';

const PROGRAM = path.join(import.meta.dirname, 'development-broker-child.mjs');
const START_MS = 30_000;

export async function startDevelopmentBroker(options = {}) {
  const child = startChild(PROGRAM, { args: [JSON.stringify(options)] });
  let calls = 0;
  let facts;
  try {
    facts = await child.waitForMessage(({ url }) => url !== undefined, START_MS);
  } catch (error) {
    await child.kill();
    throw error;
  }

  async function ask(call, ...args) {
    const id = ++calls;
    const from = child.messages.length;
    await child.send({ id, call, args });
    const { value, error } = await child.waitForMessage((message) => message.id === id, START_MS, { from });
    if (error !== undefined) throw new Error(`the development broker failed to ${call}: ${error}`);
    return value;
  }

  return {
    ...facts,
    product: 'development broker',
    pid: child.pid,
    listQueues: (vhost = '/') => ask('listQueues', vhost),
    counters: (vhost = '/') => ask('messageCounts', vhost),
    addVhost: (name) => ask('addVhost', name),
    deleteVhost: (name) => ask('deleteVhost', name),
    async deleteQueue(name, vhost = '/') {
      const connection = await amqplib.connect(await ask('vhostUrl', vhost));
      const channel = await connection.createChannel();
      await channel.deleteQueue(name);
      await connection.close();
    },
    listConnections: () => ask('listConnections'),
    /** Closes all connections of all vhosts. */
    closeConnections: ({ reason = 'closed by a test' } = {}) => ask('closeConnections', reason),
    /** With a watermark, simulates a memory alarm; without, ends it. */
    setVmWatermark: (watermark) => (watermark === undefined ? ask('unblock') : ask('block')),
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    stop: () => child.kill(),
  };
}
