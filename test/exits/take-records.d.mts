/** Returns the messages of the records in a queue as they would be stored: once for each id. Deletes the queue. */
export function takeRecords(url: string, queue: string): Promise<string[]>;
