/** `loghive completion`, and the hidden command that its scripts call. */
import { Argument, type Command } from 'commander';
import { subcommand } from '../subcommand.js';
import type { Shell } from './shell-line.js';

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

export function completionCommand(root: Command): void {
  const examples = [
    'source <(loghive completion bash)  # in ~/.bashrc',
    'source <(loghive completion zsh)   # after compinit',
    'loghive completion fish | source   # in config.fish',
  ];
  subcommand(root, 'completion', examples)
    .summary('print a script that completes this command in a shell')
    .description(
      'Print a script for bash, zsh or fish. It completes commands, options, services, and within queries levels and names of fields. Services and fields are read from the database and remembered for three minutes.',
    )
    .addArgument(shellArgument())
    .action(async (shell: Shell) => {
      const { SCRIPTS } = await import('./scripts.js');
      process.stdout.write(SCRIPTS[shell]);
    });
  root
    .command('__complete', { hidden: true })
    .addArgument(shellArgument())
    .option('--breaks <characters>')
    .option('--type <number>')
    // For the connection and the query.
    .option('--database-limit-ms <number>', '', '700')
    .action(async (shell: Shell, options) => {
      const { completeLine } = await import('./complete-line.js');
      await completeLine(root, shell, options);
    });
}

function shellArgument(): Argument {
  return new Argument('<shell>', 'the shell').choices(SHELLS);
}
