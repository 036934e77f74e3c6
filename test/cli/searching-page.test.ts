/** The output in docs/searching.md is what the commands print for these records. */
import { expect, test } from 'vitest';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { blocksIn } from '../documents/pages.js';
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
const examples = blocksIn('text')
  .filter(({ page, code }) => page === 'docs/searching.md' && code.startsWith('$ loghive '))
  .map(({ code }) => {
    const [command = '', ...output] = code.trimEnd().split('\n');
    return { command: command.slice('$ loghive '.length), output };
  });

const { store, url } = await newStore();
await write(
  store,
  itemList(records.length, (n) => {
    const [time, service, level, message, information] = records[n]!;
    const timestamp = `2026-01-31T${time}000Z`;
    return {
      id: `01993f0e-0000-7000-8000-00000000000${n}`,
      timestamp,
      service,
      level,
      message,
      information: JSON.stringify(information),
    };
  }),
);

test('there are examples', () => expect(examples.length).toBeGreaterThan(5));

test.each(examples)('loghive $command', async ({ command, output }) => {
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
  const { stdout, stderr } = await loghive([...words, '--database-url', url], { TZ: 'UTC' });
  expect([...stdout, ...stderr]).toEqual(output);
});
