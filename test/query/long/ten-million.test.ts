/** Searches among ten million records of 30 days read little more than what they find. */
import { beforeAll, describe, expect, test } from 'vitest';
import { costOf, expectCheap, LAST_HOUR, manyRecords } from '../many-records.js';

const ROWS = Number(process.env.LOGHIVE_TEST_ROWS ?? 10_000_000);
let table: Awaited<ReturnType<typeof manyRecords>>;

beforeAll(async () => {
  table = await manyRecords(ROWS);
}, 1_800_000);

const PAGE = { limit: 100 };
const cheap: [string, object, number][] = [
  ['', PAGE, 11],
  ['service:service-0 level>=error', { ...PAGE, ...LAST_HOUR }, 11],
  ['service:service-0 level>=error', PAGE, 11],
  ['service:service-7', PAGE, 11],
  ['level>=error', PAGE, 11],
  [`order.id:${Math.floor(ROWS / 7)}`, PAGE, 1],
  [`trace:r-${Math.floor(ROWS / 11)}`, PAGE, 1],
  ['customer:c-77', PAGE, 11],
  ['env:production', PAGE, 11],
  ['env:production tookMs>500', PAGE, 11],
  ['customer:c-77 tookMs>=0 -health', PAGE, 11],
  ['answered', PAGE, 11],
  ['level:warning', PAGE, 11],
  ['/customer 7\\d was/', PAGE, 11],
];

describe('a page costs at most 50 times what its records cost by their keys', () => {
  test.each(cheap)('%s', { timeout: 300_000 }, async (query, options, pages) => {
    const ratios = await expectCheap(table, query, options, pages);
    console.info(`${query || '(everything)'}: ${ratios.map((ratio) => ratio.toFixed(1)).join(' ')}`);
  });
});

test('what is nowhere is found to be nowhere through the index', { timeout: 300_000 }, async () => {
  const { page, buffers } = await costOf(table, 'trace:"no such id"', PAGE);
  expect(page).toMatchObject({ records: [], next: undefined });
  console.info(`nothing found: ${buffers} buffers`);
  expect(buffers).toBeLessThan(5000);
});
