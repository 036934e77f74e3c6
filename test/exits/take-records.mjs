import amqp from 'amqplib';

/**
 * Returns the messages of the records in a queue as they would be stored: a record that was sent twice is stored once,
 * by its id. Deletes the queue.
 */
export async function takeRecords(url, queue) {
  const connection = await amqp.connect(url);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const found = new Map();
    for (;;) {
      const message = await channel.get(queue, { noAck: true });
      if (!message) break;
      for (const line of message.content.toString().split('\n')) {
        const { id, message: text } = JSON.parse(line);
        found.set(id, text);
      }
    }
    await channel.deleteQueue(queue);
    return [...found.values()];
  } catch (error) {
    // Nothing was sent.
    if (error.code === 404) return [];
    throw error;
  } finally {
    await connection.close().catch(() => {});
  }
}
