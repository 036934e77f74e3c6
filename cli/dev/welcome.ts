/** The text `loghive dev` prints when everything runs: code to paste, and how to search. Pure. */

export interface Running {
  /** Broker URL for the application, masked; undefined if the transport reads LOGHIVE_URL itself. */
  readonly brokerUrl: string | undefined;
  /** Where the transport reads the URL: 'with LOGHIVE_URL in its environment'. */
  readonly brokerUrlFrom?: string | undefined;
  readonly service: string;
  /** 'development broker on port 5672', 'PostgreSQL 18.4 on port 10432'. */
  readonly servers: readonly string[];
  /** Without a password. */
  readonly databaseUrl: string;
  /** The URL has neither a password nor the path of a password file, so the commands need the password from elsewhere. */
  readonly needsPassword: boolean;
  /** Time zone of the displayed times, for example 'UTC+02:00'. Undefined if records are not shown. */
  readonly timeZone: string | undefined;
}

/** Breaks lines to be copied where JavaScript and the shell allow it, so that few are wider than a terminal. */
export function welcome(running: Running): string {
  const { brokerUrl, brokerUrlFrom, service, servers, databaseUrl, needsPassword, timeZone } = running;
  const url = brokerUrl === undefined ? '' : `, url: ${inJavaScript(brokerUrl)}`;
  const variables = `LOGHIVE_SERVICE=${service}${brokerUrl === undefined ? '' : ` LOGHIVE_URL=${inShell(brokerUrl)}`}`;
  const where = brokerUrlFrom === undefined ? '' : ` (${brokerUrlFrom}, as here)`;
  return [
    'loghive dev is running:',
    ...servers.map((server) => `  ${server}`),
    '',
    `Add this to an application that logs with Winston${where}:`,
    '',
    `  import { LoghiveTransport } from 'loghive/winston';`,
    `  const options = { service: '${service}'${url} };`,
    '  logger.add(new LoghiveTransport(options));',
    '',
    "(CommonJS: const { LoghiveTransport } = require('loghive/winston');)",
    '',
    'With Pino:',
    '',
    `  const options = { service: '${service}'${url} };`,
    `  const target = { target: 'loghive/pino', options };`,
    '  const logger = pino(pino.transport(target));',
    '',
    'With console.log(), no code changes are needed:',
    '',
    `  ${variables} \\`,
    '  node --import loghive/console/register app.js',
    '',
    `Search in another terminal${needsPassword ? ', with the password in PGPASSWORD' : ''}:`,
    '',
    `  db=${inShell(databaseUrl)}`,
    `  npx loghive search 'level>=warning' --database-url "$db"`,
    '  npx loghive tail --database-url "$db"',
    '',
    'Or with SQL:',
    '',
    '  psql "$db" -c "SELECT * FROM logs.records ORDER BY ts DESC LIMIT 20"',
    '',
    ...(timeZone === undefined ? [] : [`Records appear below as they are stored, with local times (${timeZone}).`]),
    'Ctrl-C stops everything; stored records are kept.',
    '',
  ].join('\n');
}

function inJavaScript(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** Quotes text as one word of a shell command line. */
function inShell(text: string): string {
  return /^[\w@%+=:,./*[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
