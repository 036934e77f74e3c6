#!/usr/bin/env node
/** The command `loghive`. What a subcommand needs, a database driver for one, is loaded when it is run. */
import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_HTTP_PORT } from '../consumer/http/settings.js';
import { acceptLogLevel } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { sendInternalLinesTo } from '../src/internal-logger.js';
import { packageVersion } from '../src/package-version.js';
import { alertsCommand } from './alerts/command.js';
import { deadLettersCommand } from './dead-letters/command.js';
import { faultText } from './fault-text.js';
import { inWordsOfCommand } from './in-words-of-command.js';
import { type Messages, openMessages } from './messages.js';
import { partitionsCommand } from './partitions.js';
import { servicesCommand } from './services/command.js';
import { BROKER, DATABASE, subcommand, usageError } from './subcommand.js';

/** Wrong use of the command line, as most Unix commands have it. */
const USAGE_ERROR = 2;
const FAILURE = 1;

/** Narrower columns are not wrapped. */
const LEAST_COLUMN = 16;

function program(messages: Messages): Command {
  const root = new Command('loghive')
    .description('Records from your logger, over RabbitMQ, into PostgreSQL.')
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ minWidthToWrap: LEAST_COLUMN })
    .configureOutput({
      writeErr: messages.write,
      outputError: (text, write) => write(usageError(text, 'loghive')),
    })
    .exitOverride();
  subcommand(root, 'consume')
    .summary('store the records of services in PostgreSQL')
    .description(
      'Stores the records of these services until SIGTERM or SIGINT; without names, of every service whose producers announce themselves. Brings the schema up to date first.',
    )
    .argument('[services...]', 'names of services (default: those in SERVICE_NAMES, comma-separated; else all)')
    .option('--url <url>', `the broker (default: ${BROKER})`)
    .option('--database-url <url>', `the database (default: ${DATABASE})`)
    .option('--schema <name>', "schema of the tables (default: 'logs')")
    .option(
      '--http-port <port>',
      `health and metrics; 0 any that is free, off none (default: CONSUMER_HTTP_PORT, else ${DEFAULT_HTTP_PORT})`,
    )
    .option('--http-host <address>', "where they are to be had (default: CONSUMER_HTTP_HOST, else '127.0.0.1')")
    .option('--config <file>', 'a file with settings (default: config.env in the working directory)')
    .option('--json-logs', 'write log lines as JSON, one object a line')
    .addHelpText(
      'after',
      '\nExample:\n  loghive consume shop \\\n    --database-url postgres://user:password@localhost/logs',
    )
    .action(async (services: string[], options) => (await import('./consume.js')).consume(services, options, messages));
  subcommand(root, 'dev')
    .summary('try it with nothing installed: a development broker, a PostgreSQL and the consumer')
    .description(
      'Starts a development broker (in memory, for development only), a PostgreSQL whose data stays, and the consumer; shows records as they are stored. Ctrl-C ends everything.',
    )
    .argument('[services...]', 'names of services (default: those in SERVICE_NAMES, comma-separated; else all)')
    .option('--data <dir>', 'folder for what stays', '.loghive')
    .option('--port <port>', 'of the development broker (default: that of last time, else 5672, else any)')
    .option('--url <url>', 'a broker of your own (default: LOGHIVE_URL; else the development broker)')
    .option('--database-url <url>', 'a database of your own (default: LOGHIVE_DATABASE_URL; else the PostgreSQL)')
    .addOption(new Option('--quiet', 'show no records').conflicts('json'))
    .option('--json', 'show records as JSON, one a line')
    .option('--yes', 'fetch PostgreSQL where it is missing, without asking')
    .action(async (services: string[], options) => (await import('./dev.js')).dev(services, options, messages));
  subcommand(root, 'migrate')
    .summary('bring the database schema up to date')
    .description('Brings the database schema up to date, then ends. Safe while consumers run.')
    .option('--database-url <url>', `the database (default: ${DATABASE})`)
    .option('--schema <name>', "schema of the tables (default: 'logs')")
    .action(async (options) => (await import('./migrate.js')).migrate(options));
  subcommand(root, 'pipe')
    .summary('record what comes by the standard input, and pass it on')
    .description(
      'Passes the standard input on to the standard output as it is, and records each line: JSON of Pino, Bunyan or Winston, key=value pairs, or plain text. Ends when all of it is confirmed.',
    )
    .option('--service <name>', 'who logs (default: LOGHIVE_SERVICE)')
    .option('--url <url>', `the broker (default: ${BROKER})`)
    .addHelpText('after', '\nExample:\n  node app.js | loghive pipe --service shop')
    .action(async (options) => (await import('./pipe.js')).pipe(options, messages));
  alertsCommand(root);
  deadLettersCommand(root, messages);
  servicesCommand(root, messages);
  partitionsCommand(root);
  return root;
}

async function main(): Promise<void> {
  const messages = openMessages();
  acceptLogLevel();
  sendInternalLinesTo((line) => messages.write(inWordsOfCommand(line)));
  // Whoever reads what is printed may leave: `loghive --help | head -1`. A command to which that matters listens itself.
  process.stdout.on('error', () => {});
  try {
    await program(messages).parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said already what is wrong, or shown what was asked for.
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
      return;
    }
    messages.write(faultText(error));
    process.exitCode = error instanceof LoghiveError && error.code === 'LOGHIVE_INVALID_OPTION' ? USAGE_ERROR : FAILURE;
  }
}

void main();
