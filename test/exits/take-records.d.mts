/** The messages of the records in a queue, each once by its id, as they would be stored. The queue is deleted. */
export function takeRecords(url: string, queue: string): Promise<string[]>;
