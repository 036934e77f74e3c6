/** With `mode: 'always'`, a record is on disk when its logging call returns. */
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'amqplib';
import { expect, it } from 'vitest';
import { onEnd, uniqueName, useBroker, useChild, useProxy } from '../../support/use-servers.js';
import { eventually, sleep } from '../../support/wait.mjs';
import { filesIn, range, sorted, useFolder, usePublishers } from './use-publishers.js';

const WRITER = path.join(import.meta.dirname, 'writer.mjs');
const KILLS = 3;

/** Logs in a child process until it is killed. Returns how many calls had returned, counted from `from`. */
async function logUntilKilled(args: { service: string; url: string; dir: string }, from: number, afterMs: number) {
  const child = useChild(WRITER, { args: [args.service, args.url, args.dir, String(from)] });
  await child.waitForLine(/^\d+$/, 20_000);
  await sleep(afterMs);
  await child.kill('SIGKILL');
  await child.exited;
  return Number(child.stdout.filter((line) => /^\d+$/.test(line)).at(-1)) + 1;
}

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

/** The numbers of all records in a queue, in any order. */
async function numbersIn(url: string, queue: string): Promise<number[]> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  const numbers: number[] = [];
  await new Promise<void>((resolve) => {
    let messages = 0;
    void channel.consume(
      queue,
      (message) => {
        for (const text of message!.content.toString().split('\n')) numbers.push(JSON.parse(text).information.number);
        if (++messages === messageCount) resolve();
      },
      { noAck: true },
    );
  });
  await connection.close();
  return numbers;
}

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
