/** `loghive status`: its options. */
import type { Command } from 'commander';
import { addDatabaseOptions, addOutputOption, BROKER, subcommand } from '../subcommand.js';
import type { StatusOptions } from './status.js';

export function statusCommand(root: Command): void {
  const examples = ['loghive status', 'loghive status --watch', 'loghive status shop -o json | jq .queues'];
  const command = subcommand(root, 'status', examples)
    .summary('show queues, consumers, database and spool')
    .description(
      'Show how many messages wait in the queues and how fast that changes, the consumers, the size and age of the records, dead letters, the last alert, and records on the disk of this machine. Exits with 1 if a part cannot be read.',
    )
    .argument('[services...]', 'service names (default: SERVICE_NAMES, else all that are known)')
    .option('--url <url>', `broker URL (default: ${BROKER})`);
  addOutputOption(addDatabaseOptions(command))
    .option(
      '--consumer <url...>',
      'URLs of the HTTP servers of consumers (default: the one on this machine, by CONSUMER_HTTP_HOST and _PORT)',
    )
    .option('--spool-dir <dir>', 'folder of the spool (default: LOGHIVE_SPOOL_DIR, else as for producers)')
    .option('--watch [seconds]', 'show it again every few seconds (default: 2) until Ctrl-C')
    .action(async (services: string[], options: StatusOptions) => {
      const { status } = await import('./status.js');
      if (!(await status(services, options))) process.exitCode = 1;
    });
}
