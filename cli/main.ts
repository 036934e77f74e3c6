#!/usr/bin/env node
/** The command `loghive`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { LoghiveError } from '../src/errors.js';
import { maskUrl } from '../src/settings/mask-url.js';
import { consume } from './consume.js';
import { migrate } from './migrate.js';

/** Wrong use of the command line, as most Unix commands have it. */
const USAGE_ERROR = 2;
const FAILURE = 1;

function packageVersion(): string {
  const file = path.join(import.meta.dirname, '..', '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function program(): Command {
  const root = new Command('loghive')
    .description('Records from your logger, over RabbitMQ, into PostgreSQL.')
    .version(packageVersion())
    .configureOutput({ outputError: (text, write) => write(usageError(text)) })
    .exitOverride();
  root
    .command('consume')
    .description('store the records of these services (default: SERVICE_NAMES)')
    .argument('[services...]', 'names of services')
    .option('--url <url>', 'the broker (default: LOGHIVE_URL, AMQP_URL, QUEUE_HOST and its like)')
    .option(
      '--database-url <url>',
      'the database (default: LOGHIVE_DATABASE_URL, POSTGRES_DB_HOST and its like, DATABASE_URL)',
    )
    .option('--schema <name>', "schema of the tables (default: 'logs')")
    .action(consume);
  root
    .command('migrate')
    .description('bring the database schema up to date, then end')
    .option('--database-url <url>', 'the database (default: as for consume)')
    .option('--schema <name>', "schema of the tables (default: 'logs')")
    .action(migrate);
  return root;
}

/** In one line. What stands in quotes was typed, and may be a URL. */
function usageError(text: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replace(/'(.*)'/s, (_, typed: string) => `'${maskUrl(typed)}'`)
    .replace(/\.?\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return `loghive: ${sentence}. See loghive --help.\n`;
}

async function main(): Promise<void> {
  try {
    await program().parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said already what is wrong, or shown what was asked for.
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
      return;
    }
    if (!(error instanceof LoghiveError)) throw error;
    process.stderr.write(`loghive: ${error.message}\n`);
    process.exitCode = error.code === 'LOGHIVE_INVALID_OPTION' ? USAGE_ERROR : FAILURE;
  }
}

void main();
