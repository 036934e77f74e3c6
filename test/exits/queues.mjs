/** What the suite does with queues. */
import amqp from 'amqplib';

async function onChannel(url, work) {
  const connection = await amqp.connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    return await work(channel);
  } finally {
    await connection.close().catch(() => {});
  }
}

/** Number of messages in a queue. */
export function countMessages(url, queue) {
  return onChannel(url, async (channel) => {
    try {
      return (await channel.checkQueue(queue)).messageCount;
    } catch (error) {
      if (error.code === 404) return 0;
      throw error;
    }
  });
}

/** Declares a queue that refuses messages because it is full. */
export function fillQueue(url, queue) {
  const messages = 20;
  return onChannel(url, async (channel) => {
    await channel.assertQueue(queue, { arguments: { 'x-max-length': messages, 'x-overflow': 'reject-publish' } });
    for (let number = 0; number < messages; number++) channel.sendToQueue(queue, Buffer.from('{}'));
    await channel.waitForConfirms();
  });
}

export function purgeQueue(url, queue) {
  return onChannel(url, (channel) => channel.purgeQueue(queue));
}

/** Returns all records in a queue, also those that are there twice. Deletes the queue. */
export function takeAll(url, queue) {
  return onChannel(url, async (channel) => {
    const records = [];
    try {
      for (;;) {
        const message = await channel.get(queue, { noAck: true });
        if (!message) break;
        for (const line of message.content.toString().split('\n')) records.push(JSON.parse(line));
      }
      await channel.deleteQueue(queue);
      return records;
    } catch (error) {
      // Nothing was sent.
      if (error.code === 404) return [];
      throw error;
    }
  });
}
