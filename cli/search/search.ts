/** `loghive search [query]`: shows the stored records that match, or how many there are. */
import { migrationConfig } from '../../consumer/store-settings.js';
import { openRecordReader, type SearchOptions } from '../../query/index.js';
import { openEnvironment } from '../../src/config.js';
import { errorText } from '../error-text.js';
import { interruptible } from '../interruptible.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { formatOptions } from '../view/format-options.js';
import { printHistogram } from './print-histogram.js';
import { queryArgument } from './query-argument.js';
import { planOf, type SearchCommandOptions } from './search-options.js';
import { type Search, showRecords } from './show-records.js';

/** The same exit codes as grep. */
const NOTHING_FOUND = 1;
const FAILED = 2;
/** A bar is a line, and the chart should fit on a screen. */
const MAX_BARS = 30;

export async function search(
  words: readonly string[],
  options: SearchCommandOptions,
  messages: Messages,
): Promise<void> {
  try {
    const environment = openEnvironment();
    const query = queryArgument('search', words, environment);
    const format = formatOptions('search', options, environment, process.stdout);
    const plan = planOf(options, format);
    const reader = openRecordReader(
      migrationConfig('search', { databaseUrl: options.databaseUrl, schema: options.schema }),
    );
    try {
      await interruptible(async (signal) => {
        const found = await run({ reader, query, plan, format, environment, messages, signal });
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

/** Whether any records match. */
async function run(search: Search): Promise<boolean> {
  const { reader, query, plan, format, messages, signal } = search;
  const range: SearchOptions = { ...plan.range, signal };
  for (const warning of await reader.warnings(query, range)) messages.report('loghive search', warning);
  switch (plan.result) {
    case 'records':
      return showRecords(search);
    case 'histogram':
      return printHistogram(await reader.histogram(query, { ...range, maxBars: MAX_BARS }), format);
    case 'count': {
      const count = await reader.count(query, range);
      const printer = openPrinter();
      await (format.name === 'pretty' ? printer.line(String(count)) : printer.json({ count }));
      return count > 0;
    }
  }
}
