/** `loghive dead-letters …`: its commands and their options. */
import type { Command } from 'commander';
import { administeredBroker } from '../../consumer/administration-config.js';
import { LoghiveError } from '../../src/errors.js';
import { Expected, integer, numberText, shown } from '../../src/settings/option.js';
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
    .summary('records that could not be stored: look at them, try them again, delete them')
    .description(
      'Records that could not be stored are kept with their bytes and the reason in the table dead_letters.',
    );
  addOutputOption(addDatabaseOptions(addFilterOptions(subcommand(group, 'list'))))
    .summary('the newest first')
    .description('Lists dead letters, the newest first.')
    .option('--limit <n>', 'at most so many', '50')
    .action((options: Options & { limit: string }) => {
      const name = 'dead-letters list';
      const limit = checked(name, '--limit', options.limit, (text) =>
        integer(1, 100_000, 'dead letters')(numberText(text)),
      );
      const filter = filterOf(name, options);
      return withAdministration(name, options, (tables) => listLetters(tables, filter, { ...options, limit }));
    });
  addOutputOption(addDatabaseOptions(subcommand(group, 'show')))
    .summary('all that is known of one, and its bytes')
    .description('Shows one dead letter: reason, origin, times, headers and its bytes, as text where they are UTF-8.')
    .argument('<id>', 'its number')
    .action((text: string, options: Options) => {
      const id = checked('dead-letters show', 'argument <id>', text, letterId);
      return withAdministration('dead-letters show', options, (tables) => showLetter(tables, id, options));
    });
  addDatabaseOptions(addFilterOptions(subcommand(group, 'export')))
    .summary('as JSON, one a line')
    .description(
      'Writes dead letters to the standard output, one JSON object a line, the oldest first: "raw" is base64, "text" the same as text where it is UTF-8.',
    )
    .action((options: Options) => {
      const filter = filterOf('dead-letters export', options);
      return withAdministration('dead-letters export', options, (tables) => exportLetters(tables, filter, messages));
    });
  addOutputOption(addDatabaseOptions(addFilterOptions(subcommand(group, 'replay'))))
    .summary('publish them anew, for the consumer to store')
    .description(
      'Publishes dead letters anew, with the ids that they have, into the queues that they came from; each is deleted from the table when the broker has confirmed it.',
    )
    .option('--url <url>', `the broker (default: ${BROKER})`)
    .option('--dry-run', 'only say what would be replayed')
    .action(async (options: Options & { url?: string; dryRun?: boolean }) => {
      const name = 'dead-letters replay';
      const filter = filterOf(name, options);
      const { broker } = administeredBroker(name, options);
      await withAdministration(name, options, async (tables) => {
        if (options.dryRun) return dryRun(tables, filter, 'replayed', options.output);
        if (!(await replayLetters(tables, filter, broker, options.output, messages))) process.exitCode = 1;
      });
    });
  addOutputOption(addDatabaseOptions(addFilterOptions(subcommand(group, 'drop'))))
    .summary('delete them for good')
    .description('Deletes dead letters for good. Asks first on a terminal.')
    .option('--yes', 'delete without asking')
    .option('--dry-run', 'only say what would be deleted')
    .action((options: Options & { yes?: boolean; dryRun?: boolean }) => {
      const name = 'dead-letters drop';
      const filter = filterOf(name, options);
      return withAdministration(name, options, (tables) => {
        if (options.dryRun) return dryRun(tables, filter, 'deleted', options.output);
        return dropLetters(tables, filter, { output: options.output, yes: options.yes === true }, messages);
      });
    });
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
function checked<T>(owner: string, what: string, text: string, check: (text: string) => T): T {
  try {
    return check(text);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const place = what.startsWith('--') ? `option ${what}` : what;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${owner}: ${place} is ${shown(text)}, expected ${error.message}`);
  }
}
