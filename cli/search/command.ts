/** The options of `loghive search`. */
import { type Command, Option } from 'commander';
import type { Messages } from '../messages.js';
import { addDatabaseOptions, subcommand } from '../subcommand.js';
import { addViewOptions } from '../view/view-options.js';
import { ORDERS } from './record-batches.js';

export const QUERY = "query, such as 'service:shop level>=warning refused'; without one, all records";
export const QUERY_HELP =
  'The language of queries is described in docs/searching.md. To begin a query with an exclusion, write "not health": "-health" would be taken for an option.';
/** The same exit codes as grep. */
const EXIT_CODES = 'Exit codes:\n  0  found something\n  1  found nothing\n  2  usage error, invalid query, or failure';

export function searchCommand(root: Command, messages: Messages): void {
  const examples = [
    "loghive search 'level>=error' --since 1h",
    "loghive search 'service:shop order.id:7' --since yesterday",
    'loghive search trace:4bf92f35 --order oldest-first',
    'loghive search refused --context 5',
    "loghive search 'level:error' --since 1d --histogram",
    'loghive search --since 1h -n all -o ndjson | jq .message',
  ];
  const search = subcommand(root, 'search', examples, EXIT_CODES)
    .summary('search the stored records')
    .description(`Show the records that match a query, the newest last. ${QUERY_HELP}`)
    .argument('[query...]', QUERY)
    .option('--since <time>', 'from this time on: 15m, 2h, 7d (ago), today, yesterday, 10:30, 2026-01-31T10:30')
    .option('--until <time>', 'before this time')
    .option('-n, --limit <number>', "most records to show, or 'all' (default: 100)")
    .addOption(new Option('--order <order>', 'order of the records').choices(ORDERS).default('newest-last'))
    .option('--cursor <cursor>', 'continue where an earlier search ended, which printed this cursor')
    .option('--context <number>', 'show this many records of the same service before and after each match')
    .addOption(
      new Option('--count', 'print only the number of matching records').conflicts(['histogram', 'context', 'cursor']),
    )
    .addOption(new Option('--histogram', 'print bars of how many match over time').conflicts(['context', 'cursor']))
    .option('--timeout <seconds>', 'time limit of each query to the database; 0: none', '30')
    .option('--no-pager', 'do not use a pager (PAGER, default: less -FRX)');
  addDatabaseOptions(addViewOptions(search)).action(async (words: string[], options) =>
    (await import('./search.js')).search(words, options, messages),
  );
}
