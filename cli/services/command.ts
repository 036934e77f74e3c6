/** `loghive services …`: its subcommands and their options. */
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
    .summary('list, add and remove services')
    .description(
      'Manage the services that consumers started without service names consume: those that announced themselves or were added.',
    );
  addOutputOption(addDatabaseOptions(subcommand(group, 'list')))
    .summary('list services with the times they were first and last announced')
    .description('List services with the times they were first and last announced.')
    .action((options: Options) =>
      withAdministration('services list', options, (tables) => listServices(tables, options)),
    );
  addDatabaseOptions(subcommand(group, 'add', ['loghive services add shop billing']))
    .summary('add services whose clients do not announce themselves')
    .description(
      'Add services whose clients do not announce themselves, such as those of the Python package. Consumers started without service names begin to consume them within a few seconds.',
    )
    .argument('<services...>', 'service names')
    .action((names: string[], options: DatabaseOptions) => {
      const services = names.map((name) => checkedName('services add', name));
      return withAdministration('services add', options, (tables) => addServices(tables, services));
    });
  addDatabaseOptions(subcommand(group, 'remove', ['loghive services remove shop --delete-queues']))
    .summary('remove a service that no longer exists')
    .description(
      'Remove a service, so that consumers started without service names no longer consume it. Stored records are kept. Asks for confirmation.',
    )
    .argument('<service>', 'service name')
    .option('--delete-queues', 'also delete its queues, if they are empty and have no consumers')
    .option('--url <url>', `broker URL, for --delete-queues (default: ${BROKER})`)
    .option('--yes', 'do not ask for confirmation')
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
    await printer.line(
      'no services. Producers announce themselves when they connect; add others with "loghive services add".',
    );
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
    await printer.line(added.has(name) ? `added ${name}.` : `${name} already exists.`);
  }
}
