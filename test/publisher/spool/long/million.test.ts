/** A million records while the broker is away. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { uniqueName, useBroker, useChild, useDatabase, useProxy } from '../../../support/use-servers.js';
import { useSpoolFolder } from '../../../support/use-spool.js';
import { eventually } from '../../../support/wait.mjs';

const CHILD = path.join(import.meta.dirname, 'million-child.mjs');
const COMMAND = path.resolve(import.meta.dirname, '../../../../dist/esm/cli/main.js');
const RECORDS = 1_000_000;
const GIB = 2 ** 30;
/** How much more memory than the same application without a transport, in MiB. */
const MOST_MIB = 64;

interface Result {
  readonly peakMib: number;
  readonly stats?: { readonly accepted: number; readonly confirmed: number; readonly dropped: Record<string, object> };
}

function useApplication(settings: { records: number; yields: boolean; options: object[] }) {
  const child = useChild(CHILD, { args: [JSON.stringify(settings)] });
  const answer = async (line: number): Promise<Result> => {
    await eventually(() => expect(child.stdout.length > line || !child.running).toBe(true), { withinMs: 300_000 });
    return JSON.parse(child.stdout[line] ?? `"${child.lines.join(' ')}"`);
  };
  return {
    logged: () => answer(0),
    finish: () => {
      child.stdin.write('go\n');
      return answer(1);
    },
  };
}

async function useStack(services: readonly string[]) {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const proxy = await useProxy(broker.url);
  await proxy.refuse();
  const consume = () =>
    useChild(COMMAND, { args: ['consume', ...services, '--url', broker.url, '--database-url', database.url] });
  return { database, proxy, url: proxy.url(broker.url), consume };
}

test.each([
  ['yields after every 500', true],
  ['never yields', false],
])('in a loop that %s are each stored once, within limited memory', { timeout: 900_000 }, async (_, yields) => {
  const service = uniqueName('million');
  const { database, proxy, url, consume } = await useStack([service]);
  const without = useApplication({ records: RECORDS, yields, options: [] });
  const { peakMib } = await without.logged();
  await without.finish();
  const spool = { dir: useSpoolFolder(), maxBytes: GIB };
  const application = useApplication({ records: RECORDS, yields, options: [{ service, url, spool }] });
  const logged = await application.logged();
  expect(logged.peakMib - peakMib).toBeLessThan(MOST_MIB);
  await proxy.heal();
  consume();
  const { stats, peakMib: atEnd } = await application.finish();
  expect(stats).toMatchObject({ accepted: RECORDS, confirmed: RECORDS, dropped: {} });
  expect(atEnd - peakMib).toBeLessThan(MOST_MIB);
  const count = `SELECT count(*)::int AS rows, count(DISTINCT (information->>'n')::int)::int AS different FROM logs.records`;
  await eventually(async () => expect(await database.query(count)).toEqual([{ rows: RECORDS, different: RECORDS }]), {
    withinMs: 300_000,
    everyMs: 2000,
  });
});

test('with the default spool lose the oldest of the lowest level, over all services, and are counted', {
  timeout: 900_000,
}, async () => {
  const services = [uniqueName('shop'), uniqueName('till')];
  const { database, proxy, url, consume } = await useStack(services);
  const dir = useSpoolFolder();
  const options = services.map((service) => ({ service, url, spool: { dir } }));
  const application = useApplication({ records: RECORDS, yields: true, options });
  await application.logged();
  await proxy.heal();
  consume();
  const { stats } = await application.finish();
  const dropped = Object.values(stats!.dropped.INFO ?? {}).reduce((sum: number, each) => sum + Number(each), 0);
  expect(Object.keys(stats!.dropped)).toEqual(['INFO']);
  expect(stats).toMatchObject({ accepted: RECORDS, confirmed: RECORDS - dropped });
  const found = `SELECT service, level::text, count(*)::int AS rows, min((information->>'n')::int) AS first,
    max((information->>'n')::int) AS last FROM logs.records GROUP BY 1, 2 ORDER BY 1, 2`;
  const stored = async () => {
    const rows = await database.query<{ service: string; level: string; rows: number; first: number; last: number }>(
      found,
    );
    expect(rows.reduce((sum, row) => sum + row.rows, 0)).toBe(RECORDS - dropped);
    return rows;
  };
  const rows = await eventually(stored, { withinMs: 300_000, everyMs: 2000 });
  // Each tenth is an error.
  expect(rows.filter(({ level }) => level === 'ERROR').reduce((sum, row) => sum + row.rows, 0)).toBe(RECORDS / 10);
  const infos = rows.filter(({ level }) => level === 'INFO');
  // The newest ones, without a gap: of five numbers of each service, one or none is an error.
  for (const { service, rows: n, first, last } of infos) {
    const perFive = service === services[0] ? 4 : 5;
    expect(last).toBeGreaterThan(RECORDS - 10);
    expect(Math.abs(n - ((last - first) / 10) * perFive)).toBeLessThan(10);
  }
  // A segment has 4 MiB.
  const [a, b] = infos.map(({ first }) => first);
  expect(Math.abs(a! - b!)).toBeLessThan((2 * 2 * 4 * 1024 * 1024) / 500);
});
