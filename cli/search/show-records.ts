/** Prints the records of a search, in a pager on a terminal. */
import type { Query, RecordReader } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';
import type { Environment } from '../../src/settings/option.js';
import type { Messages } from '../messages.js';
import { openPrinter, openStdout } from '../output.js';
import { highlightOf } from '../view/highlight.js';
import { localDate, localTime } from '../view/local-time.js';
import { createFormat, type FormatOptions } from '../view/record-format.js';
import { openPager, type Pager } from './pager.js';
import { readBatches } from './record-batches.js';
import type { SearchPlan } from './search-options.js';
import { type Shown, withContext } from './with-context.js';

export interface Search {
  readonly reader: RecordReader;
  readonly query: Query;
  readonly plan: SearchPlan;
  readonly format: Omit<FormatOptions, 'isEndless'>;
  readonly environment: Environment;
  readonly messages: Messages;
  readonly signal: AbortSignal;
}

const DEFAULT_LIMIT = 100;

/** Whether there were any. */
export async function showRecords({
  reader,
  query,
  plan,
  format,
  environment,
  messages,
  signal: interrupted,
}: Search): Promise<boolean> {
  const { range, order, cursor, context } = plan;
  const left = new AbortController();
  const signal = AbortSignal.any([interrupted, left.signal]);
  let pager: Pager | undefined;
  // In a pager, only as many records are read as the user scrolls through.
  const limit = () =>
    plan.limit ?? (pager !== undefined && order !== 'newest-last' ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
  const batches = readBatches(reader, {
    ...{ query, range, order, limit, cursor, signal },
    onSlow: (searchedTo) =>
      messages.report(
        'loghive search',
        `still searching: at ${localTime(searchedTo, format.timeZone)}. --since and --until make it faster; Ctrl-C ends it.`,
      ),
  });
  let batch = await batches.next();
  const first = batch.done ? [] : batch.value;
  if (first.length === 0 && format.name === 'pretty') {
    messages.report('loghive search', 'no records match.');
    return false;
  }
  const view = createFormat({
    ...format,
    highlight: highlightOf(query),
    dates: !areOfToday(first, format.timeZone),
    isEndless: false,
  });
  if (plan.pager && first.length > 0) pager = await openPager(environment, order === 'newest-last');
  // The user may leave the pager while the next page is searched.
  pager?.stream.once('close', () => left.abort());
  const printer = openPrinter(pager?.stream ?? openStdout(), signal);
  const textOf = ({ record, role, isApart }: Shown) => (isApart ? view.gap : '') + view.record(record, role);
  const surround = withContext((record) => reader.surroundings(record, context, { ...range, signal }), context, order);
  let isRead = true;
  try {
    isRead = await printer.write(view.begin());
    for (; !batch.done && isRead && !signal.aborted; batch = await batches.next()) {
      for await (const shown of surround(batch.value)) {
        isRead = await printer.write(shown.map(textOf).join(''));
        if (!isRead || signal.aborted) break;
      }
    }
    if (isRead) await printer.write(view.end());
  } catch (error) {
    if (!left.signal.aborted) throw error;
    isRead = false;
  } finally {
    await pager?.end();
  }
  const next = batch.done ? batch.value : undefined;
  if (next !== undefined && isRead && (format.name === 'pretty' || plan.limit === undefined)) {
    const [others, direction] = order === 'oldest-first' ? ['newer', '--order oldest-first '] : ['older', ''];
    messages.report('loghive search', `there are ${others} records. To continue: ${direction}--cursor ${next}`);
  }
  return first.length > 0;
}

function areOfToday(records: readonly StoredRecord[], timeZone: string): boolean {
  const today = localDate(Date.now(), timeZone);
  return records.every(({ timestamp }) => localTime(timestamp, timeZone).startsWith(today));
}
