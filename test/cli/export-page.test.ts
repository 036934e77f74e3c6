/** The output in docs/export.md is what the commands print, one after the other. */
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { blocksIn } from '../documents/pages.js';
import { useChild } from '../support/use-servers.js';
import { program } from './run-loghive.js';
import { useFolder } from './use-folder.js';

const records = [
  ['10:30:41.620', 'shop', 'INFO', 'payment started', { requestId: 'r-77', order: { id: 7 } }],
  ['10:30:45.123', 'till', 'ERROR', 'card refused', { reqId: 'r-77' }],
  ['10:30:45.207', 'shop', 'ERROR', 'payment failed', { requestId: 'r-77', order: { id: 7 }, status: 402 }],
  ['10:31:02.455', 'shop', 'WARNING', 'slow query', { requestId: 'r-78', tookMs: 1240 }],
] as const;

/** `$ command` and what it prints, as they stand on the page. */
const examples = blocksIn('text')
  .filter(({ page, code }) => page === 'docs/export.md' && code.startsWith('$ loghive '))
  .map(({ code }) => {
    const [command = '', ...output] = code.trimEnd().split('\n');
    return { command: command.slice('$ loghive '.length), output };
  });

test('the examples print what the page says', { timeout: 60_000 }, async () => {
  expect(examples.length).toBeGreaterThan(2);
  const { store, url } = await newStore();
  await write(
    store,
    itemList(records.length, (n) => {
      const [time, service, level, message, information] = records[n]!;
      const id = `01993f0e-0000-7000-8000-00000000000${n}`;
      const json = JSON.stringify(information);
      return { id, timestamp: `2026-01-31T${time}000Z`, service, level, message, information: json };
    }),
  );
  const file = useFolder();
  const line = (level: string) =>
    `{"service":"shop",${level}"message":"x","timestamp":"2026-01-31T10:30:00Z","id":"01993f0e-0000-7000-8000-000000000009"}\n`;
  writeFileSync(file('broken.ndjson'), line('"level":"INFO",') + line(''));
  for (const { command, output } of examples) {
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
    const child = useChild(program, {
      args: words,
      cwd: file(''),
      env: { LOGHIVE_DATABASE_URL: url, TZ: 'UTC' },
    });
    await child.exited;
    expect([...child.stderr, ...child.stdout]).toEqual(output);
  }
});
