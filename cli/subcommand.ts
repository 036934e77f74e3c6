/** Shared parts of all subcommands: error prefixes, help texts for settings, common options. */
import { type Command, Option } from 'commander';
import type { Administration } from '../consumer/store/index.js';
import { printableLine } from '../src/printable.js';
import { asSentence } from '../src/sentence.js';
import { maskUrl } from '../src/settings/mask-url.js';

// Alternatives are separated by spaces so that help texts can wrap.
export const BROKER =
  'LOGHIVE_URL, AMQP_URL, or QUEUE_HOST, _PORT, _USER, _PASSWORD, _VHOST; else amqp://guest:guest@localhost:5672/';
const DATABASE = 'LOGHIVE_DATABASE_URL, or POSTGRES_DB_HOST, _PORT, _USER, _PASSWORD, _NAME, or DATABASE_URL';
const SETTINGS =
  'Settings not given as options are read from the environment, then from the file config.env in the working directory.';
const EXIT_CODES = 'Exit codes:\n  0  success\n  1  failure\n  2  usage error';

/**
 * Adds a command, or a subcommand of a command group.
 *
 * @param exitCodes the help text on exit codes, if they differ from the usual ones.
 */
export function subcommand(
  parent: Command,
  name: string,
  examples: readonly string[] = [],
  exitCodes = EXIT_CODES,
): Command {
  const path = parent.parent ? `loghive ${parent.name()} ${name}` : `loghive ${name}`;
  const shown = examples.length === 0 ? [] : [`Examples:\n${examples.map((each) => `  ${each}`).join('\n')}`];
  return parent
    .command(name)
    .configureOutput({ outputError: (text, write) => write(usageError(text, path)) })
    .addHelpText('after', ({ command }) => `\n${[...shown, wrapped(command, SETTINGS), exitCodes].join('\n\n')}`);
}

/** Wraps to the width of the rest of the help. */
function wrapped(command: Command, text: string): string {
  return command.createHelp().boxWrap(text, command.configureOutput().getOutHelpWidth?.() ?? 80);
}

/** Formats a usage error on one line. Quoted text was typed by the user and may be a URL, so passwords are masked. */
export function usageError(text: string, commandPath: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replace(/'(.*)'/s, (_, typed: string) => `'${maskUrl(typed)}'`)
    .replace(/\.?\s*\n\s*/g, ' ');
  return `loghive: ${printableLine(asSentence(sentence))} See ${commandPath} --help.\n`;
}

/** Adds the database options. */
export function addDatabaseOptions(command: Command): Command {
  return command
    .option('--database-url <url>', `database URL (default: ${DATABASE})`)
    .option('--schema <name>', "schema of Loghive's tables (default: 'logs')");
}

export type OutputFormat = 'text' | 'json';

/** Adds `--output`. */
export function addOutputOption(command: Command): Command {
  const option = new Option('-o, --output <format>', 'output format; json prints one object per line');
  return command.addOption(option.choices(['text', 'json']).default('text'));
}

export interface DatabaseOptions {
  databaseUrl?: string;
  schema?: string;
}

/**
 * Runs `work` with database access, then closes the connection.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION, and the errors of `work`.
 */
export async function withAdministration<T>(
  owner: string,
  options: DatabaseOptions,
  work: (tables: Administration) => Promise<T>,
): Promise<T> {
  const { administrationConfig } = await import('../consumer/administration-config.js');
  const { openAdministration } = await import('../consumer/store/index.js');
  const tables = openAdministration(administrationConfig(owner, options));
  try {
    return await work(tables);
  } finally {
    await tables.close();
  }
}
