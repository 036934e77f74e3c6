/** The subcommands and their options. What a subcommand needs (for example the database driver) is loaded when it runs. */
import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_HTTP_PORT } from '../consumer/http/settings.js';
import { acceptLogLevel } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { sendInternalLinesTo } from '../src/internal-logger.js';
import { packageVersion } from '../src/package-version.js';
import { alertsCommand } from './alerts/command.js';
import { completionCommand } from './completion/command.js';
import { deadLettersCommand } from './dead-letters/command.js';
import { doctorCommand } from './doctor/command.js';
import { errorText, withCliNames } from './error-text.js';
import { exportCommand } from './export/command.js';
import { importCommand } from './import/command.js';
import { type Messages, openMessages } from './messages.js';
import { partitionsCommand } from './partitions.js';
import { patternsCommand } from './patterns/command.js';
import { searchCommand } from './search/command.js';
import { servicesCommand } from './services/command.js';
import { spoolCommand } from './spool/command.js';
import { statusCommand } from './status/command.js';
import { addDatabaseOptions, BROKER, subcommand, usageError } from './subcommand.js';
import { tailCommand } from './tail/command.js';
import { addViewOptions } from './view/view-options.js';

/** Exit code for usage errors, as in most Unix commands. */
const USAGE_ERROR = 2;
const FAILURE = 1;
const USAGE_CODES: ReadonlySet<string> = new Set(['LOGHIVE_INVALID_OPTION', 'LOGHIVE_INVALID_QUERY']);

/** Help columns narrower than this are not wrapped. */
const MIN_WRAP_COLUMNS = 16;

export function program(messages: Messages): Command {
  const root = new Command('loghive')
    .description('Ship log records over RabbitMQ into PostgreSQL.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ minWidthToWrap: MIN_WRAP_COLUMNS })
    .configureOutput({
      writeErr: messages.write,
      outputError: (text, write) => write(usageError(text, 'loghive')),
    })
    .exitOverride();
  const consume = subcommand(root, 'consume', [
    'loghive consume shop billing',
    'loghive consume --database-url postgres://localhost/logs',
  ])
    .summary('store log records in PostgreSQL')
    .description(
      'Consume log records and store them in PostgreSQL until SIGTERM or SIGINT. Without service names, consume every service whose producers announce themselves. Updates the database schema first.',
    )
    .argument('[services...]', 'service names (default: SERVICE_NAMES, comma-separated; else all)')
    .option('--url <url>', `broker URL (default: ${BROKER})`);
  addDatabaseOptions(consume)
    .option(
      '--http-port <port>',
      `port for health and metrics; 0: any free port, off: none (default: CONSUMER_HTTP_PORT, else ${DEFAULT_HTTP_PORT})`,
    )
    .option('--http-host <address>', "address for health and metrics (default: CONSUMER_HTTP_HOST, else '127.0.0.1')")
    .option('--config <file>', 'settings file (default: config.env in the working directory)')
    .option('--json-logs', 'write log lines as JSON, one object per line')
    .action(async (services: string[], options) => (await import('./consume.js')).consume(services, options, messages));
  const dev = subcommand(root, 'dev', [
    'loghive dev',
    "loghive dev --show 'level>=warning'",
    'loghive dev --json | jq .message',
  ])
    .summary('run a development broker, PostgreSQL and a consumer')
    .description(
      'Run a development broker (in memory, for development only), PostgreSQL with persistent data, and a consumer. Prints records as they are stored. Ctrl-C stops everything.',
    )
    .argument('[services...]', 'service names (default: SERVICE_NAMES, comma-separated; else all)')
    .option('--data <dir>', 'data directory', '.loghive')
    .option(
      '--port <port>',
      'port of the development broker (default: the last one used, else 5672, else any free port)',
    )
    .option('--url <url>', 'use this broker (default: LOGHIVE_URL; else the development broker)')
    .option('--database-url <url>', 'use this database (default: LOGHIVE_DATABASE_URL; else the embedded PostgreSQL)')
    .addOption(new Option('--quiet', 'do not print records').conflicts(['json', 'output', 'template', 'show']))
    .addOption(new Option('--json', 'print records as JSON, one object per line').conflicts(['output', 'template']));
  addViewOptions(dev.option('--show <query>', "show only the records that match: 'level>=warning'"))
    .option('--yes', 'download PostgreSQL without asking if it is not installed')
    .action(async (services: string[], options) => (await import('./dev.js')).dev(services, options, messages));
  addDatabaseOptions(subcommand(root, 'migrate', ['loghive migrate', 'loghive migrate --with-text-search']))
    .summary('update the database schema')
    .description('Update the database schema, then exit. Safe while consumers are running.')
    .option(
      '--with-text-search',
      'also index the text of messages, which makes searches for words fast and storing slower; takes a while on a large table',
    )
    .action(async (options) => (await import('./migrate.js')).migrate(options));
  subcommand(root, 'pipe', ['node app.js | loghive pipe --service shop'])
    .summary('record log lines from stdin')
    .description(
      'Copy stdin to stdout unchanged and record each line: JSON from Pino, Bunyan or Winston, key=value pairs, or plain text. Exits when every record is confirmed.',
    )
    .option('--service <name>', 'service name of the records (default: LOGHIVE_SERVICE)')
    .option('--url <url>', `broker URL (default: ${BROKER})`)
    .action(async (options) => (await import('./pipe.js')).pipe(options, messages));
  searchCommand(root, messages);
  tailCommand(root, messages);
  patternsCommand(root, messages);
  exportCommand(root, messages);
  importCommand(root, messages);
  alertsCommand(root);
  deadLettersCommand(root, messages);
  servicesCommand(root, messages);
  partitionsCommand(root);
  spoolCommand(root, messages);
  statusCommand(root);
  doctorCommand(root);
  completionCommand(root);
  return root;
}

/** Runs the command line. Sets the exit code. */
export async function run(): Promise<void> {
  const messages = openMessages();
  acceptLogLevel();
  sendInternalLinesTo((line) => messages.write(withCliNames(line)));
  // The reader may close the pipe early: `loghive --help | head -1`. Commands that need to know add their own listener.
  process.stdout.on('error', () => {});
  try {
    await program(messages).parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has already printed the error, or the requested help.
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
      return;
    }
    messages.write(errorText(error));
    process.exitCode = error instanceof LoghiveError && USAGE_CODES.has(error.code) ? USAGE_ERROR : FAILURE;
  }
}
