/** `loghive tail [query]`: shows the last records that match, then those that are stored from now on. */
import { migrationConfig } from '../../consumer/store-settings.js';
import { openRecordReader, type RecordReader } from '../../query/index.js';
import { openEnvironment } from '../../src/config.js';
import { counted } from '../../src/sentence.js';
import { checkedOption, typedInteger } from '../checked-option.js';
import { interruptible } from '../interruptible.js';
import type { Messages } from '../messages.js';
import { openStdout } from '../output.js';
import { queryArgument } from '../search/query-argument.js';
import type { DatabaseOptions } from '../subcommand.js';
import { formatOptions } from '../view/format-options.js';
import { highlightOf } from '../view/highlight.js';
import { LiveView } from '../view/live-view.js';
import { createFormat } from '../view/record-format.js';
import type { ViewOptions } from '../view/view-options.js';

export interface TailCommandOptions extends ViewOptions, DatabaseOptions {
  lines: string;
}

const MAX_LINES = 10_000;
/** For programs: how many records may be stored while the program does not read. Further ones are skipped and reported. */
const MAX_UNREAD = 100_000;

/** Ends by a signal, or without an error when the reader of the output has gone. */
export async function tail(words: readonly string[], options: TailCommandOptions, messages: Messages): Promise<void> {
  const environment = openEnvironment();
  const query = queryArgument('tail', words, environment);
  const format = formatOptions('tail', options, environment, process.stdout);
  const lines = checkedOption('tail', 'lines', options.lines, typedInteger(0, MAX_LINES, 'records'));
  const stdout = openStdout();
  const isForPerson = format.isTerminal && format.name === 'pretty';
  const view = new LiveView({
    stream: stdout,
    format: createFormat({ ...format, highlight: highlightOf(query), isEndless: true }),
    // A person wants to see what happens now; a program wants everything.
    whenBehind: isForPerson ? 'skip' : 'wait',
  });
  const reader = openRecordReader(
    migrationConfig('tail', { databaseUrl: options.databaseUrl, schema: options.schema }),
  );
  try {
    await interruptible(async (interrupted) => {
      const closed = new AbortController();
      stdout.on('error', () => closed.abort());
      const signal = AbortSignal.any([interrupted, closed.signal]);
      const events = reader.tail(query, { lines, signal, maxRecords: isForPerson ? undefined : MAX_UNREAD });
      await follow(events, view, messages, isForPerson, signal);
    });
  } finally {
    await reader.close();
  }
}

async function follow(
  events: ReturnType<RecordReader['tail']>,
  view: LiveView,
  messages: Messages,
  isForPerson: boolean,
  signal: AbortSignal,
): Promise<void> {
  for await (const event of events) {
    switch (event.type) {
      case 'records':
      case 'late':
        await view.show(event.records, signal);
        break;
      case 'skipped':
        if (isForPerson) view.skip(event.count);
        else messages.report('loghive tail', `${counted(event.count, 'record')} skipped: the reader is too slow.`);
        break;
      case 'disconnected':
        messages.report('loghive tail', `${event.reason} Reconnecting.`);
        break;
      case 'reconnected':
        messages.report('loghive tail', 'connected again.');
        break;
    }
  }
}
