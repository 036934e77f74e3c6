/** Each side of a comparison runs in a process of its own, warm from round to round: its compiled code and heap are its own. */

/**
 * Says `ready` once, answers each `{ records }` with what `round` gives, and ends at `{ end }`.
 *
 * @param round does one round of so many records and gives `{ seconds }`
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

/** Seconds that `work` takes. */
export async function timed(work) {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}
