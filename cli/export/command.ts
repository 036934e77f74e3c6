/** The options of `loghive export`. */
import { type Command, Option } from 'commander';
import type { Messages } from '../messages.js';
import { QUERY, QUERY_HELP } from '../search/command.js';
import { addDatabaseOptions, subcommand } from '../subcommand.js';
import { RECORD_FORMATS } from './file-kind.js';

export function exportCommand(root: Command, messages: Messages): void {
  const command = subcommand(root, 'export', [
    'loghive export --to logs.ndjson.gz',
    "loghive export 'level>=error' --since 7d --to errors.csv",
    'loghive export --since yesterday --to day.ndjson.zst',
    'loghive export trace:4bf92f35 --to - | jq .message',
  ])
    .summary('write records to a file')
    .description(
      `Write the records that match a query to a file, the oldest first. "loghive import" reads it. If the export is interrupted, the same command continues it. ${QUERY_HELP}`,
    )
    .argument('[query...]', QUERY)
    .requiredOption('--to <file>', "file to write: .ndjson, .jsonl or .csv, and .gz or .zst to compress; '-': stdout")
    .addOption(
      new Option('--format <format>', "format, if the name does not tell (default for stdout: 'ndjson')").choices(
        RECORD_FORMATS,
      ),
    )
    .option('--since <time>', 'from this time on: 15m, 2h, 7d (ago), today, yesterday, 10:30, 2026-01-31T10:30')
    .option('--until <time>', 'before this time (default: the newest record when the export begins)')
    .option('--time-zone <name>', "time zone of these times: 'UTC', 'Europe/Berlin' (default: the system's)")
    .option('--force', 'replace the file if it exists, and discard an unfinished export of other records')
    .option('--timeout <seconds>', 'time limit of each query to the database; 0: none', '300');
  addDatabaseOptions(command).action(async (words: string[], options) =>
    (await import('./export.js')).exportRecords(words, options, messages),
  );
}
