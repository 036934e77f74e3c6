import { frames, largeRecords, openFiller, refOf } from '../filler.mjs';
import { memoryOf } from '../memory.mjs';

const MIB = 1024 * 1024;
const MAX_MIB = 512;
const LARGE_BYTES = 10 * MIB;
/** Allowed growth from the first to the last third of a phase, in MiB: less than this is noise. */
const TOLERANCE_MIB = 64;
const PREFIXES = { small: 'small', large: 'large' };

export default {
  name: 'memory',
  title: 'two workers drain 2,000,000 small records, and then 200 of 10 MB from the same queue, within 512 MiB',
  size: { small: 2_000_000, large: 200 },
  short: { small: 100_000, large: 10 },
  deadlineMs: 900_000,
  // Both phases use one queue, which would otherwise reject the second one.
  env: { CONSUMER_WORKERS: '2', CONSUMER_HTTP_PORT: '0', QUEUE_MAX_BYTES: String(8 * 1024 * MIB) },
  minEffects: ({ small, large }) => ({ 'small records': small, 'of 10 MB': large }),
  async run(testbed) {
    const { service, size } = testbed;
    // Creates the queues and tables, and leaves all the work to the next one.
    await testbed.consumers.command().ready();
    for (const fault of await testbed.consumers.stop()) testbed.fault(fault);

    const filler = await openFiller(testbed.url);
    const about = { service, as: 'info' };
    await filler.fill(`${service}.info`, frames({ ...about, prefix: PREFIXES.small }, 0, size.small));
    const large = largeRecords({ ...about, prefix: PREFIXES.large }, 0, size.large, LARGE_BYTES);
    await filler.fill(`${service}.info`, large, 'application/json');
    await filler.close();
    for (const [kind, prefix] of Object.entries(PREFIXES)) {
      testbed.addPublished(Array.from({ length: size[kind] }, (_, n) => refOf(prefix, n)));
    }

    const consumer = testbed.consumers.command();
    const memory = memoryOf(consumer.child.pid);
    await consumer.ready();
    const drained = (left) =>
      testbed.eventually(async () => (await testbed.messages()) <= left, {
        what: `at most ${left} messages are left`,
        withinMs: 600_000,
        everyMs: 200,
      });
    // Memory used during startup is not measured.
    memory.begin('small');
    await drained(size.large);
    memory.begin('large');
    await drained(0);
    memory.end();

    const facts = { 'small records': size.small, 'of 10 MB': size.large, 'most MiB': memory.peakMib };
    if (memory.peakMib >= MAX_MIB) testbed.fault(`it used ${memory.peakMib} MiB, expected less than ${MAX_MIB}`);
    for (const kind of Object.keys(PREFIXES)) {
      const [first, , last] = memory.thirds(kind);
      facts[`${kind}: MiB in the first and last third`] = `${first} and ${last}`;
      if (last > first + TOLERANCE_MIB) testbed.fault(`${kind}: it grew from ${first} to ${last} MiB`);
    }
    return () => facts;
  },
};
