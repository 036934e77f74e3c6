/** `loghive services …`: its commands and their options. */
import type { Command } from 'commander';
import type { Administration } from '../../consumer/store/index.js';
import { serviceName } from '../../src/config.js';
import { LoghiveError } from '../../src/errors.js';
import { printableLine } from '../../src/printable.js';
import { Expected, shown } from '../../src/settings/option.js';
import { columns, secondsText } from '../columns.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import {
  addDatabaseOptions,
  addOutputOption,
  BROKER,
  type DatabaseOptions,
  type OutputFormat,
  subcommand,
  withAdministration,
} from '../subcommand.js';
import type { RemoveOptions } from './remove.js';

type Options = DatabaseOptions & { output: OutputFormat };

export function servicesCommand(root: Command, messages: Messages): void {
  const group = subcommand(root, 'services')
    .summary('the services whose records are taken without naming them')
    .description('Services that have announced themselves, or were added: consumers without names take their records.');
  addOutputOption(addDatabaseOptions(subcommand(group, 'list')))
    .summary('with when each was announced first and last')
    .description('Lists the services, with when each was announced first and last.')
    .action((options: Options) =>
      withAdministration('services list', options, (tables) => listServices(tables, options)),
    );
  addDatabaseOptions(subcommand(group, 'add'))
    .summary('for clients that announce nothing')
    .description(
      'Adds services, for clients that announce nothing, such as those of the Python package. Consumers without names take their records a few seconds later.',
    )
    .argument('<services...>', 'names of services')
    .action((names: string[], options: DatabaseOptions) => {
      const services = names.map((name) => checkedName('services add', name));
      return withAdministration('services add', options, (tables) => addServices(tables, services));
    });
  addDatabaseOptions(subcommand(group, 'remove'))
    .summary('for a service that is no more')
    .description(
      'Removes a service: consumers that are started without names do not take its records any more. Its records stay. Asks first on a terminal.',
    )
    .argument('<service>', 'name of the service')
    .option('--delete-queues', 'delete its queues, those that are empty and have no consumer')
    .option('--url <url>', `the broker, where queues are deleted (default: ${BROKER})`)
    .option('--yes', 'remove without asking')
    .action(async (name: string, options: DatabaseOptions & RemoveOptions) => {
      const { removeService } = await import('./remove.js');
      const service = checkedName('services remove', name);
      const isGone = await withAdministration('services remove', options, (tables) =>
        removeService(tables, service, options, messages),
      );
      if (!isGone) process.exitCode = 1;
    });
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
function checkedName(owner: string, name: string): string {
  try {
    return serviceName(name);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${owner}: the name is ${shown(name)}, expected ${error.message}`);
  }
}

// `loghive services list`.

export async function listServices({ services }: Administration, { output }: { output: OutputFormat }): Promise<void> {
  const all = await services.all();
  const printer = openPrinter();
  if (output === 'json') {
    for (const each of all) if (!(await printer.json(each))) return;
    return;
  }
  if (all.length === 0) {
    await printer.line('no services. Producers announce theirs when they connect; "loghive services add" adds others.');
    return;
  }
  const rows = all.map((each) => [
    printableLine(each.service),
    secondsText(each.firstSeen),
    secondsText(each.lastSeen),
  ]);
  for (const line of columns([['SERVICE', 'FIRST SEEN (UTC)', 'LAST SEEN (UTC)'], ...rows])) {
    if (!(await printer.line(line))) return;
  }
}

// `loghive services add NAME…`.

export async function addServices({ services }: Administration, names: readonly string[]): Promise<void> {
  const added = new Set(await services.add(names));
  const printer = openPrinter();
  for (const name of new Set(names)) {
    await printer.line(added.has(name) ? `added ${name}.` : `${name} was there already.`);
  }
}
