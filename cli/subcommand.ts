/** What all commands have in common: how they are named in errors, and what their help says of settings. */
import { type Command, Option } from 'commander';
import type { Administration } from '../consumer/store/index.js';
import { printableLine } from '../src/printable.js';
import { asSentence } from '../src/sentence.js';
import { maskUrl } from '../src/settings/mask-url.js';

// Alternatives with spaces between them: a help text is broken into lines as wide as the terminal.
export const BROKER =
  'LOGHIVE_URL, AMQP_URL, QUEUE_HOST, _PORT, _USER, _PASSWORD, _VHOST; else amqp://guest:guest@localhost:5672/';
export const DATABASE = 'LOGHIVE_DATABASE_URL, POSTGRES_DB_HOST, _PORT, _USER, _PASSWORD, _NAME, DATABASE_URL';
const SETTINGS =
  'What is not given here comes from the environment, then from a file config.env in the working directory. Exit status: 0 done, 1 failed, 2 asked wrongly.';

/** A command, or one within a group of commands. */
export function subcommand(parent: Command, name: string): Command {
  const path = parent.parent ? `loghive ${parent.name()} ${name}` : `loghive ${name}`;
  return parent
    .command(name)
    .configureOutput({ outputError: (text, write) => write(usageError(text, path)) })
    .addHelpText('after', ({ command }) => `\n${wrapped(command, SETTINGS)}`);
}

/** As wide as the rest of the help. */
function wrapped(command: Command, text: string): string {
  return command.createHelp().boxWrap(text, command.configureOutput().getOutHelpWidth?.() ?? 80);
}

/** In one line. What stands in quotes was typed, and may be a URL. */
export function usageError(text: string, asked: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replace(/'(.*)'/s, (_, typed: string) => `'${maskUrl(typed)}'`)
    .replace(/\.?\s*\n\s*/g, ' ');
  return `loghive: ${printableLine(asSentence(sentence))} See ${asked} --help.\n`;
}

/** Of commands that look at the database. */
export function addDatabaseOptions(command: Command): Command {
  return command
    .option('--database-url <url>', `the database (default: ${DATABASE})`)
    .option('--schema <name>', "schema of the tables (default: 'logs')");
}

export type OutputFormat = 'text' | 'json';

/** Of commands that answer: for a person, or JSON for a program. */
export function addOutputOption(command: Command): Command {
  const option = new Option('-o, --output <format>', 'text, or json: one JSON object a line');
  return command.addOption(option.choices(['text', 'json']).default('text'));
}

// What a command that looks at the database works with, for as long as it works.

export interface DatabaseOptions {
  databaseUrl?: string;
  schema?: string;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION, and what the work throws. */
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
