/** The options of `loghive patterns`. */
import { type Command, Option } from 'commander';
import type { Messages } from '../messages.js';
import { QUERY, QUERY_HELP } from '../search/command.js';
import { addDatabaseOptions, subcommand } from '../subcommand.js';
import { PATTERN_FORMATS } from './pattern-formats.js';

/** The same exit codes as grep. */
const EXIT_CODES = 'Exit codes:\n  0  found something\n  1  found nothing\n  2  usage error, invalid query, or failure';

export function patternsCommand(root: Command, messages: Messages): void {
  const examples = [
    'loghive patterns --since 1h',
    "loghive patterns 'level>=error' --new-since 1d --commands",
    'loghive patterns service:shop --since today -n all -o csv',
    'loghive patterns --new-since 10:30 -o ndjson',
  ];
  const patterns = subcommand(root, 'patterns', examples, EXIT_CODES)
    .summary('group the stored records by the shape of their messages')
    .description(
      `Group the records that match a query by service, level and the shape of the message: numbers, ids, addresses, times and quoted values are set aside. The most frequent patterns come first. Reads the newest records up to --max-records, and says so if there are more. ${QUERY_HELP}`,
    )
    .argument('[query...]', QUERY)
    .option('--since <time>', 'from this time on: 15m, 2h, 7d (ago), today, yesterday, 10:30, 2026-01-31T10:30')
    .option('--until <time>', 'before this time')
    .addOption(
      new Option('--new-since <time>', 'only patterns that first occur from this time on').conflicts(['since']),
    )
    .option(
      '--compared-with <age>',
      "how far the records reach back that --new-since compares with: 7d (before that time), a time, or 'all' (default: 7d)",
    )
    .option('--commands', 'print the command that shows the records below each pattern; it may find others, too')
    .option('-n, --limit <number>', "most patterns to show, or 'all' (default: 50)")
    .option(
      '--max-records <number>',
      "most records to read, or 'all'; with --new-since, as many again before it",
      '100000',
    )
    .option(
      '--timeout <seconds>',
      'time limit, after which what was read until then is shown; with --new-since, as long again for the comparison; 0: none',
      '30',
    )
    .addOption(new Option('-o, --output <format>', 'output format').choices(PATTERN_FORMATS).default('pretty'))
    .option('--time-zone <name>', "time zone of times shown and typed: 'UTC', 'Europe/Berlin' (default: the system's)")
    .option('--no-pager', 'do not use a pager (PAGER, default: less -FRX)');
  addDatabaseOptions(patterns).action(async (words: string[], options) =>
    (await import('./patterns.js')).patterns(words, options, messages),
  );
}
