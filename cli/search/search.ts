/** `loghive search [query]`: shows the stored records that match. */
import { openRecordReader, type Query, type RecordReader } from '../../query/index.js';
import { openEnvironment } from '../../src/config.js';
import type { StoredRecord } from '../../src/record.js';
import type { Environment } from '../../src/settings/option.js';
import { errorText } from '../error-text.js';
import { interruptible } from '../interruptible.js';
import type { Messages } from '../messages.js';
import { openPrinter, openStdout } from '../output.js';
import { formatOptions } from '../view/format-options.js';
import { highlightOf } from '../view/highlight.js';
import { localDate, localTime } from '../view/local-time.js';
import { createFormat, type FormatOptions } from '../view/record-format.js';
import { openPager } from './pager.js';
import { queryArgument } from './query-argument.js';
import { readBatches, type SearchPlan } from './record-batches.js';
import { contextOf, databaseOf, limitOf, rangeOf, type SearchCommandOptions } from './search-options.js';

/** Exit codes as grep has them. */
const NOTHING_FOUND = 1;
const FAILED = 2;
const DEFAULT_LIMIT = 100;

interface Search {
  readonly reader: RecordReader;
  readonly query: Query;
  readonly options: SearchCommandOptions;
  readonly format: Omit<FormatOptions, 'isEndless'>;
  readonly environment: Environment;
  readonly messages: Messages;
  readonly signal: AbortSignal;
}

export async function search(
  words: readonly string[],
  options: SearchCommandOptions,
  messages: Messages,
): Promise<void> {
  try {
    const environment = openEnvironment();
    const query = queryArgument('search', words);
    const format = formatOptions('search', options, environment, process.stdout);
    rangeOf(options, format.timeZone);
    limitOf(options);
    contextOf(options);
    const { databaseUrl, schema, connectTimeoutMs } = databaseOf('search', options);
    const reader = openRecordReader({ databaseUrl, schema, connectTimeoutMs });
    try {
      await interruptible(async (signal) => {
        const found = await showRecords({ reader, query, options, format, environment, messages, signal });
        if (!found && !signal.aborted) process.exitCode = NOTHING_FOUND;
      });
    } finally {
      await reader.close();
    }
  } catch (error) {
    messages.write(errorText(error));
    process.exitCode = FAILED;
  }
}

/** Whether there were any. */
async function showRecords(search: Search): Promise<boolean> {
  const { reader, query, options, format, environment, messages, signal } = search;
  const range = rangeOf(options, format.timeZone);
  // In a pager, only as many records are read as the user scrolls through.
  const pages = options.order !== 'newest-last' && options.pager && process.stdout.isTTY;
  const limit = limitOf(options) ?? (pages ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
  const plan: SearchPlan = {
    ...{ query, range, limit, signal, order: options.order, cursor: options.cursor },
    onSlow: (searchedTo) =>
      messages.report(
        'loghive search',
        `the search takes long; everything after ${localTime(searchedTo, format.timeZone)} is searched. Narrow it with --since and --until, or press Ctrl-C.`,
      ),
  };
  const batches = readBatches(reader, plan);
  let batch = await batches.next();
  if (batch.done && format.name !== 'json' && format.name !== 'csv') {
    if (format.name === 'pretty') messages.report('loghive search', 'no records match.');
    return false;
  }
  const first = batch.done ? [] : batch.value;
  const view = createFormat({
    ...format,
    highlight: highlightOf(query),
    dates: !areOfToday(first, format.timeZone),
    isEndless: false,
  });
  const pager = options.pager ? await openPager(environment, options.order === 'newest-last') : undefined;
  const printer = openPrinter(pager?.stream ?? openStdout());
  let isRead = await printer.write(view.begin());
  for (; !batch.done && isRead && !signal.aborted; batch = await batches.next()) {
    isRead = await printer.write(batch.value.map((record) => view.record(record)).join(''));
  }
  if (isRead) await printer.write(view.end());
  await pager?.end();
  const next = batch.done ? batch.value : undefined;
  if (next !== undefined && isRead && (format.name === 'pretty' || options.limit === undefined)) {
    const others = options.order === 'oldest-first' ? 'newer' : 'older';
    messages.report('loghive search', `there are ${others} records. To continue: --cursor ${next}`);
  }
  return first.length > 0;
}

function areOfToday(records: readonly StoredRecord[], timeZone: string): boolean {
  const today = localDate(Date.now(), timeZone);
  return records.every(({ timestamp }) => localTime(timestamp, timeZone).startsWith(today));
}
