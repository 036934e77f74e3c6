/**
 * What every worker runs. Loghive and the baseline run in separate processes through all rounds, so each has its own
 * compiled code and heap.
 */

/**
 * Sends `ready` once, answers each `{ records }` with the result of `round`, and exits at `{ end }`.
 *
 * @param round runs one round with this number of records and returns `{ seconds }`
 */
export function serve(round) {
  process.on('message', async ({ records, end }) => {
    if (end) process.exit();
    try {
      process.send({ ...(await round(records)), records });
    } catch (error) {
      process.send({ failure: error.stack });
    }
  });
  process.send({ ready: true });
}

/** The duration of `work` in seconds. */
export async function timed(work) {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}
