#!/usr/bin/env node
/** The command `loghive`. */
import { Command, CommanderError, Option } from 'commander';
import { LoghiveError } from '../src/errors.js';
import { sendInternalLinesTo } from '../src/internal-logger.js';
import { printableLine } from '../src/printable.js';
import { asSentence } from '../src/sentence.js';
import { maskUrl } from '../src/settings/mask-url.js';
import { consume } from './consume.js';
import { dev } from './dev.js';
import { faultText } from './fault-text.js';
import { type Messages, openMessages } from './messages.js';
import { migrate } from './migrate.js';
import { packageVersion } from './package-version.js';
import { pipe } from './pipe.js';

/** Wrong use of the command line, as most Unix commands have it. */
const USAGE_ERROR = 2;
const FAILURE = 1;

// Alternatives with spaces between them: a help text is broken into lines as wide as the terminal.
const BROKER =
  'LOGHIVE_URL, AMQP_URL, QUEUE_HOST, _PORT, _USER, _PASSWORD, _VHOST; else amqp://guest:guest@localhost:5672/';
const DATABASE = 'LOGHIVE_DATABASE_URL, POSTGRES_DB_HOST, _PORT, _USER, _PASSWORD, _NAME, DATABASE_URL';
const SETTINGS =
  'What is not given here comes from the environment, then from a file config.env in the working directory. Exit status: 0 done, 1 failed, 2 asked wrongly.';
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
    .argument('[services...]', 'names of services (default: SERVICE_NAMES=shop,other; else every service)')
    .option('--url <url>', `the broker (default: ${BROKER})`)
    .option('--database-url <url>', `the database (default: ${DATABASE})`)
    .option('--schema <name>', "schema of the tables (default: 'logs')")
    .addHelpText(
      'after',
      '\nExample:\n  loghive consume shop \\\n    --database-url postgres://user:password@localhost/logs',
    )
    .action((services: string[], options) => consume(services, options, messages));
  subcommand(root, 'dev')
    .summary('try it with nothing installed: a development broker, a PostgreSQL and the consumer')
    .description(
      'Starts a development broker (in memory, for development only), a PostgreSQL whose data stays, and the consumer; shows records as they are stored. Ctrl-C ends everything.',
    )
    .argument('[services...]', 'names of services (default: SERVICE_NAMES=shop,other; else every service)')
    .option('--data <dir>', 'folder for what stays', '.loghive')
    .option('--port <port>', 'of the development broker (default: that of last time, else 5672, else any)')
    .option('--url <url>', 'a broker of your own (default: LOGHIVE_URL; else the development broker)')
    .option('--database-url <url>', 'a database of your own (default: LOGHIVE_DATABASE_URL; else the PostgreSQL)')
    .addOption(new Option('--quiet', 'show no records').conflicts('json'))
    .option('--json', 'show records as JSON, one a line')
    .option('--yes', 'fetch PostgreSQL where it is missing, without asking')
    .action((services: string[], options) => dev(services, options, messages));
  subcommand(root, 'migrate')
    .summary('bring the database schema up to date')
    .description('Brings the database schema up to date, then ends. Safe while consumers run.')
    .option('--database-url <url>', `the database (default: ${DATABASE})`)
    .option('--schema <name>', "schema of the tables (default: 'logs')")
    .action(migrate);
  subcommand(root, 'pipe')
    .summary('record what comes by the standard input, and pass it on')
    .description(
      'Passes the standard input on to the standard output as it is, and records each line: JSON of Pino, Bunyan or Winston, key=value pairs, or plain text. Ends when all of it is confirmed.',
    )
    .option('--service <name>', 'who logs (default: LOGHIVE_SERVICE)')
    .option('--url <url>', `the broker (default: ${BROKER})`)
    .addHelpText('after', '\nExample:\n  node app.js | loghive pipe --service shop')
    .action((options) => pipe(options, messages));
  return root;
}

function subcommand(root: Command, name: string): Command {
  return root
    .command(name)
    .configureOutput({ outputError: (text, write) => write(usageError(text, `loghive ${name}`)) })
    .addHelpText('after', ({ command }) => `\n${wrapped(command, SETTINGS)}`);
}

/** As wide as the rest of the help. */
function wrapped(command: Command, text: string): string {
  return command.createHelp().boxWrap(text, command.configureOutput().getOutHelpWidth?.() ?? 80);
}

/** In one line. What stands in quotes was typed, and may be a URL. */
function usageError(text: string, asked: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replace(/'(.*)'/s, (_, typed: string) => `'${maskUrl(typed)}'`)
    .replace(/\.?\s*\n\s*/g, ' ');
  return `loghive: ${printableLine(asSentence(sentence))} See ${asked} --help.\n`;
}

async function main(): Promise<void> {
  const messages = openMessages();
  sendInternalLinesTo(messages.write);
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
