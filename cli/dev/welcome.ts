/** What `loghive dev` says when everything runs: what to paste, and how to search. Pure. */

export interface Running {
  /** What an application connects to, as it may be shown; undefined where the transport finds LOGHIVE_URL by itself. */
  readonly brokerUrl: string | undefined;
  /** Where the transport finds it: 'with LOGHIVE_URL in its environment'. */
  readonly brokerUrlFrom?: string | undefined;
  readonly service: string;
  /** 'development broker on port 5672', 'PostgreSQL 18.4 on port 10432'. */
  readonly servers: readonly string[];
  /** A command line without a password. */
  readonly psql: string;
  /** Of the times that are shown: 'UTC+02:00'. Undefined where no records are. */
  readonly timeZone: string | undefined;
}

/** Lines that are to be copied are broken where JavaScript and a shell allow it, so that few are wider than a terminal. */
export function welcome({ brokerUrl, brokerUrlFrom, service, servers, psql, timeZone }: Running): string {
  const url = brokerUrl === undefined ? '' : `, url: ${inJavaScript(brokerUrl)}`;
  const variables = `LOGHIVE_SERVICE=${service}${brokerUrl === undefined ? '' : ` LOGHIVE_URL=${inShell(brokerUrl)}`}`;
  const where = brokerUrlFrom === undefined ? '' : ` (${brokerUrlFrom}, as here)`;
  return [
    'loghive dev runs:',
    ...servers.map((server) => `  ${server}`),
    '',
    `Add this to an application with a Winston logger${where}:`,
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
    'With console.log() alone, nothing is added:',
    '',
    `  ${variables} \\`,
    '  node --import loghive/console/register app.js',
    '',
    'Search, also while it runs:',
    '',
    `  ${psql} \\`,
    '  -c "SELECT * FROM logs.records ORDER BY ts DESC LIMIT 20"',
    '',
    ...(timeZone === undefined ? [] : [`Records appear below as they are stored, with local times (${timeZone}).`]),
    'Ctrl-C ends everything; what is stored stays.',
    '',
  ].join('\n');
}

function inJavaScript(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** As one word of a command line. */
export function inShell(text: string): string {
  return /^[\w@%+=:,./*[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
