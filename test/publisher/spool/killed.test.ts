/** With `mode: 'always'`, a record is on disk when its logging call returns. */
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { onEnd, uniqueName, useBroker, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { logUntilKilled, numbersIn } from './use-killed.js';
import { filesIn, range, sorted, useFolder, usePublishers } from './use-publishers.js';

const KILLS = 3;

it.each(['up', 'down'])(
  'no record whose call had returned is lost by kill -9 while the broker is %s',
  async (state) => {
    const broker = await useBroker();
    const proxy = await useProxy(broker.url);
    const service = uniqueName('svc');
    const args = { service, url: proxy.url(broker.url), dir: useFolder() };
    let logged = 0;
    for (const kill of range(KILLS)) {
      if (state === 'down') await proxy.refuse();
      logged = await logUntilKilled(args, logged, 20 + 60 * kill);
      await proxy.heal();
    }
    // The next process of the service.
    const { LoggerClient } = await import('../../../src/client.js');
    const next = new LoggerClient({ service, url: args.url, spool: { dir: args.dir } });
    onEnd(() => next.close());
    await eventually(() => filesIn(args.dir).length === 0, { withinMs: 20_000 });
    const numbers = await numbersIn(broker.url, `${service}_info_logs`);
    expect(sorted(numbers).filter((number) => number < logged)).toEqual(range(logged));
  },
);

it.each([
  ['cut', (file: string) => truncateSync(file, statSync(file).size - 40)],
  [
    'overwritten in the middle',
    (file: string) => {
      const content = readFileSync(file);
      content.fill('#', content.length / 2, content.length / 2 + 5);
      writeFileSync(file, content);
    },
  ],
])('a file that was %s costs the records that it hit, and no other', async (_, damage) => {
  const { proxy, dir, service, open, sent } = await usePublishers({ spool: { mode: 'always' } });
  await proxy.refuse();
  const first = open();
  for (const number of range(500)) first.accept(service, 'INFO', JSON.stringify({ number }));
  await first.close(0);
  for (const file of filesIn(dir)) damage(file);
  await proxy.heal();
  const next = open();
  await eventually(() => filesIn(dir).length === 0);
  const numbers = await sent();
  expect(numbers).toHaveLength(499);
  const { adopted, confirmed, dropped } = next.stats();
  expect(adopted).toBe(confirmed + (dropped.INFO?.['unreadable on disk'] ?? 0));
});
