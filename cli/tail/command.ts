/** The options of `loghive tail`. */
import type { Command } from 'commander';
import type { Messages } from '../messages.js';
import { QUERY, QUERY_HELP } from '../search/command.js';
import { addDatabaseOptions, subcommand } from '../subcommand.js';
import { addViewOptions } from '../view/view-options.js';

export function tailCommand(root: Command, messages: Messages): void {
  const tail = subcommand(root, 'tail', [
    'loghive tail',
    "loghive tail 'level>=warning' --lines 50",
    "loghive tail 'service:shop,till not health' --hide http",
    'loghive tail level:error -o ndjson | jq .information',
  ])
    .summary('show records as they are stored')
    .description(
      `Show the last records that match a query, then new ones as they are stored, until Ctrl-C. If the terminal is too slow, records are skipped and counted. ${QUERY_HELP}`,
    )
    .argument('[query...]', QUERY)
    .option('-n, --lines <number>', 'how many of the last records to show first', '20');
  addDatabaseOptions(addViewOptions(tail)).action(async (words: string[], options) =>
    (await import('./tail.js')).tail(words, options, messages),
  );
}
