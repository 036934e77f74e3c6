/** `loghive doctor`: its options. */
import type { Command } from 'commander';
import { addDatabaseOptions, addOutputOption, BROKER, subcommand } from '../subcommand.js';
import type { DoctorOptions } from './doctor.js';

export function doctorCommand(root: Command): void {
  const examples = [
    'loghive doctor',
    'loghive doctor shop --producer',
    "loghive doctor -o json | jq 'select(.remedy)'",
  ];
  const command = subcommand(root, 'doctor', examples)
    .summary('find out what is wrong, and how to fix it')
    .description(
      'Examine the settings, the servers that they name, and the way of a record between them, step by step. Each fault is shown with its remedy. Changes nothing; if a consumer is running, one record of service loghive-doctor travels the whole way and is removed again. Exits with 1 if something is wrong.',
    )
    .argument('[services...]', 'service names (default: SERVICE_NAMES, LOGHIVE_SERVICE, else all in the database)')
    .option('--url <url>', `broker URL (default: ${BROKER})`);
  addOutputOption(addDatabaseOptions(command))
    .option('--spool-dir <dir>', 'folder of the spool (default: LOGHIVE_SPOOL_DIR, else as for producers)')
    .option('--config <file>', 'settings file (default: config.env in the working directory)')
    .option('--producer', 'examine only what a producer needs, without the database')
    .option('--no-send', 'send no record')
    .action(async (services: string[], options: DoctorOptions) => {
      const { doctor } = await import('./doctor.js');
      if (!(await doctor(services, options))) process.exitCode = 1;
    });
}
