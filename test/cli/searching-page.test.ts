/** The output in docs/searching.md is what the commands print for these records, and for those of the demo. */
import { describe, expect, test } from 'vitest';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { textOf } from '../documents/pages.js';
import { DEMO_RECORDS } from './demo-records.js';
import { loghive } from './run-loghive.js';

const web = { hostname: 'web-1', pid: 4242 };
const till = { hostname: 'till-1', pid: 17 };
const refused = {
  name: 'CardError',
  message: 'card refused',
  stack:
    'CardError: card refused\n    at charge (till.js:41:11)\n    at Layer.handle (node_modules/express/lib/layer.js:95:5)',
  code: 'E_CARD',
  cause: { name: 'Error', message: 'limit reached', stack: 'Error: limit reached\n    at bank (bank.js:12:9)' },
};
const records = [
  ['10:30:40.104', 'shop', 'INFO', 'order placed', { requestId: 'r-77', order: { id: 7, total: 49.5 }, ...web }],
  ['10:30:41.620', 'shop', 'INFO', 'payment started', { requestId: 'r-77', order: { id: 7 }, ...web }],
  ['10:30:45.123', 'till', 'ERROR', 'card refused', { reqId: 'r-77', ...till, error: refused }],
  ['10:30:45.207', 'shop', 'ERROR', 'payment failed', { requestId: 'r-77', order: { id: 7 }, status: 402, ...web }],
  [
    '10:31:02.455',
    'shop',
    'WARNING',
    'slow query',
    { requestId: 'r-78', tookMs: 1240, sql: 'SELECT *\nFROM orders', ...web },
  ],
  ['10:31:10.031', 'shop', 'INFO', 'order placed', { requestId: 'r-78', order: { id: 8, total: 12 }, ...web }],
] as const;

/** `$ command` and what it prints, as they stand on the page. */
function examplesIn(markdown: string) {
  return [...markdown.matchAll(/^```text\n\$ loghive (.*)\n([\s\S]*?)^```$/gm)].map(([, command, output]) => ({
    command: command!,
    output: output!.trimEnd().split('\n'),
  }));
}

const [before = '', rest = ''] = textOf('docs/searching.md').split('\n## After a deployment\n');
const end = rest.search(/^## /m);
const examples = examplesIn(before + rest.slice(end));
const demoExamples = examplesIn(rest.slice(0, end));

async function printed(command: string, url: string): Promise<string[]> {
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
  const { stdout, stderr } = await loghive([...words, '--database-url', url], { TZ: 'UTC' });
  return [...stdout, ...stderr];
}

const few = await newStore();
await write(
  few.store,
  itemList(records.length, (n) => {
    const [time, service, level, message, information] = records[n]!;
    const id = `01993f0e-0000-7000-8000-00000000000${n}`;
    const timestamp = `2026-01-31T${time}000Z`;
    return { id, timestamp, service, level, message, information: JSON.stringify(information) };
  }),
);
const demo = await newStore();
await write(
  demo.store,
  itemList(DEMO_RECORDS.length, (n) => DEMO_RECORDS[n]!),
);

test('there are examples', () => expect(examples.length).toBeGreaterThan(6));

test.each(examples)('loghive $command', async ({ command, output }) => {
  expect(await printed(command, few.url)).toEqual(output);
});

describe('after a deployment', () => {
  test('three commands lead to what the first request that failed did', () => {
    expect(demoExamples.map(({ command }) => command.split(' ')[0])).toEqual(['patterns', 'search', 'search']);
    const [first, second] = demoExamples;
    // The second one is what the first one prints.
    expect(first!.output.join('\n')).toContain(/'[^']*'/.exec(second!.command)![0]);
  });

  test.each(demoExamples)('loghive $command', async ({ command, output }) => {
    expect(await printed(command, demo.url)).toEqual(output);
  });
});
