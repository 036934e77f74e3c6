/** `loghive dead-letters …`: its subcommands and their options. */
import type { Command } from 'commander';
import { checkedOption, checkedText, typedInteger } from '../checked-option.js';
import type { Messages } from '../messages.js';
import {
  addDatabaseOptions,
  addOutputOption,
  BROKER,
  type DatabaseOptions,
  type OutputFormat,
  subcommand,
  withAdministration,
} from '../subcommand.js';
import { dropLetters, dryRun } from './drop.js';
import { addFilterOptions, type FilterOptions, filterOf, letterId } from './filter.js';
import { listLetters } from './list.js';
import { replayLetters } from './replay.js';
import { exportLetters, showLetter } from './show.js';

type Options = DatabaseOptions & FilterOptions & { output: OutputFormat };

export function deadLettersCommand(root: Command, messages: Messages): void {
  const group = subcommand(root, 'dead-letters')
    .summary('inspect, replay and delete records that could not be stored')
    .description(
      'Inspect, replay and delete dead letters: records that could not be stored, kept in the table dead_letters with their bytes and the reason.',
    );
  addOutputOption(
    addDatabaseOptions(
      addFilterOptions(subcommand(group, 'list', ['loghive dead-letters list --service shop --since 2d'])),
    ),
  )
    .summary('list dead letters, newest first')
    .description('List dead letters, newest first.')
    .option('--limit <n>', 'maximum number of dead letters', '50')
    .action((options: Options & { limit: string }) => {
      const name = 'dead-letters list';
      const limit = checkedOption(name, 'limit', options.limit, typedInteger(1, 100_000, 'dead letters'));
      const filter = filterOf(name, options);
      return withAdministration(name, options, (tables) => listLetters(tables, filter, { ...options, limit }));
    });
  addOutputOption(addDatabaseOptions(subcommand(group, 'show', ['loghive dead-letters show 42'])))
    .summary('show one dead letter with its bytes')
    .description(
      'Show one dead letter: reason, origin, times, headers and bytes. The bytes are shown as text if they are UTF-8, otherwise as a hex dump.',
    )
    .argument('<id>', 'id of the dead letter')
    .action((text: string, options: Options) => {
      const id = checkedText('dead-letters show', 'argument <id>', text, letterId);
      return withAdministration('dead-letters show', options, (tables) => showLetter(tables, id, options));
    });
  addDatabaseOptions(
    addFilterOptions(subcommand(group, 'export', ['loghive dead-letters export > dead-letters.jsonl'])),
  )
    .summary('write dead letters as JSON')
    .description(
      'Write dead letters to stdout as JSON, one object per line, oldest first. "raw" holds the bytes in base64; "text" holds them as text if they are UTF-8.',
    )
    .action((options: Options) => {
      const filter = filterOf('dead-letters export', options);
      return withAdministration('dead-letters export', options, (tables) => exportLetters(tables, filter, messages));
    });
  addOutputOption(
    addDatabaseOptions(
      addFilterOptions(subcommand(group, 'replay', ['loghive dead-letters replay --service shop --dry-run'])),
    ),
  )
    .summary('publish dead letters again')
    .description(
      'Publish dead letters again, with their original ids, to the queues they came from. Each is deleted from the table once the broker has confirmed it.',
    )
    .option('--url <url>', `broker URL (default: ${BROKER})`)
    .option('--dry-run', 'only show what would be replayed')
    .action(async (options: Options & { url?: string; dryRun?: boolean }) => {
      const name = 'dead-letters replay';
      const filter = filterOf(name, options);
      const { administeredBroker } = await import('../../consumer/administration-config.js');
      const { broker } = administeredBroker(name, options);
      await withAdministration(name, options, async (tables) => {
        if (options.dryRun) return dryRun(tables, filter, 'replayed', options.output);
        if (!(await replayLetters(tables, filter, broker, options.output, messages))) process.exitCode = 1;
      });
    });
  addOutputOption(
    addDatabaseOptions(
      addFilterOptions(subcommand(group, 'drop', ['loghive dead-letters drop --code invalid --until 30d'])),
    ),
  )
    .summary('delete dead letters permanently')
    .description('Delete dead letters permanently. Asks for confirmation.')
    .option('--yes', 'do not ask for confirmation')
    .option('--dry-run', 'only show what would be deleted')
    .action((options: Options & { yes?: boolean; dryRun?: boolean }) => {
      const name = 'dead-letters drop';
      const filter = filterOf(name, options);
      return withAdministration(name, options, (tables) => {
        if (options.dryRun) return dryRun(tables, filter, 'deleted', options.output);
        return dropLetters(tables, filter, { output: options.output, yes: options.yes === true }, messages);
      });
    });
}
