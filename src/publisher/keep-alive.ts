/** Waiting that keeps the process running: whoever awaits something goes on, though nothing else is left to do. */

/** As long as a timer of Node's may take. */
export const LONGEST_MS = 2 ** 31 - 1;

/** AWS Lambda's runtime takes an event loop that has emptied for a handler that will never answer. */
export async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONGEST_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
