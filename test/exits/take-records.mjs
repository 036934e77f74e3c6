import { takeAll } from './queues.mjs';

/**
 * Returns the messages of the records in a queue as they would be stored: a record that was sent twice is stored once,
 * by its id. Deletes the queue.
 */
export async function takeRecords(url, queue) {
  const records = await takeAll(url, queue);
  return [...new Map(records.map(({ id, message }) => [id, message])).values()];
}
