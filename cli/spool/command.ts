/** `loghive spool …`: its subcommands and their options. */
import { type Command, Option } from 'commander';
import { openEnvironment } from '../../src/config.js';
import { spoolConfig } from '../../src/settings/spool-options.js';
import type { Messages } from '../messages.js';
import { addOutputOption, BROKER, subcommand } from '../subcommand.js';
import type { SpoolSelection } from './selection.js';

/** As commander passes them. */
interface Given extends Omit<SpoolSelection, 'dir'> {
  readonly dir?: string;
  readonly url?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export function spoolCommand(root: Command, messages: Messages): void {
  const group = subcommand(root, 'spool')
    .summary('inspect, send and delete records that wait on disk')
    .description(
      'Inspect, send and delete records that producers have left on disk. The next process of a service sends its records by itself; these commands are for services that do not start again on this machine. Run them as the user that the service runs as.',
    );
  addSpoolOptions(subcommand(group, 'list', ['loghive spool list --dir /var/lib/shop/loghive']))
    .summary('list records that wait on disk')
    .description('List records that wait on disk, by service, level and state. Reads the files, changes nothing.')
    .action(async (options: Given) => (await import('./list.js')).listSpool(withFolder(options)));
  addSpoolOptions(subcommand(group, 'replay', ['loghive spool replay --service shop']))
    .summary('send records that wait on disk')
    .description(
      'Send the records of processes that have ended to their queues, with their original ids. Each file is deleted once the broker has confirmed its records. Files that a running process uses are left to it.',
    )
    .option('--url <url>', `broker URL (default: ${BROKER})`)
    .action(async (options: Given) => {
      const { replaySpool } = await import('./replay.js');
      if (!(await replaySpool(withFolder(options), messages))) process.exitCode = 1;
    });
  addSpoolOptions(subcommand(group, 'drop', ['loghive spool drop --service shop --dry-run']))
    .summary('delete records that wait on disk permanently')
    .description('Delete the records of processes that have ended permanently. Asks for confirmation.')
    .option('--yes', 'do not ask for confirmation')
    .addOption(new Option('--dry-run', 'only show what would be deleted').conflicts('yes'))
    .action(async (options: Given) => (await import('./drop.js')).dropSpool(withFolder(options)));
}

function addSpoolOptions(command: Command): Command {
  return addOutputOption(
    command
      .option(
        '--dir <dir>',
        'folder that holds a folder for each service (default: LOGHIVE_SPOOL_DIR, else STATE_DIRECTORY, else loghive-<uid> in the temporary folder of the system)',
      )
      .option('--service <name>', 'only this service (default: all)'),
  );
}

function withFolder({ dir, ...options }: Given) {
  return { ...options, dir: spoolConfig(dir === undefined ? undefined : { dir }, openEnvironment())!.dir };
}
