/** What `loghive dev` says when everything runs: what to paste, and how to search. Pure. */

export interface Running {
  /** What an application connects to, as it may be shown; undefined where it is LOGHIVE_URL, which the transport reads itself. */
  readonly brokerUrl: string | undefined;
  readonly service: string;
  /** 'development broker on port 5672', 'PostgreSQL 18.4 on port 10432'. */
  readonly servers: readonly string[];
  readonly psql: string | undefined;
}

export function welcome({ brokerUrl, service, servers, psql }: Running): string {
  const url = brokerUrl === undefined ? '' : `, url: ${inJavaScript(brokerUrl)}`;
  const variables = `LOGHIVE_SERVICE=${service}${brokerUrl === undefined ? '' : ` LOGHIVE_URL=${inShell(brokerUrl)}`}`;
  const where = brokerUrl === undefined ? ' (with LOGHIVE_URL in its environment, as here)' : '';
  const search =
    psql === undefined
      ? []
      : ['', 'Search, also while it runs:', '', `  ${psql} -c "SELECT * FROM logs.records ORDER BY ts DESC LIMIT 20"`];
  return [
    `loghive dev runs: ${servers.join(', ')}.`,
    '',
    `Add two lines to an application with a Winston logger${where}:`,
    '',
    `  import { LoghiveTransport } from 'loghive/winston';`,
    `  logger.add(new LoghiveTransport({ service: '${service}'${url} }));`,
    '',
    "(CommonJS: const { LoghiveTransport } = require('loghive/winston');)",
    '',
    'With Pino:',
    '',
    `  const logger = pino(pino.transport({ target: 'loghive/pino', options: { service: '${service}'${url} } }));`,
    '',
    'With console.log() alone, nothing is added:',
    '',
    `  ${variables} node --import loghive/console/register app.js`,
    ...search,
    '',
    'Records appear below as they are stored. Ctrl-C ends everything; what is stored stays.',
    '',
  ].join('\n');
}

function inJavaScript(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

function inShell(text: string): string {
  return /^[\w@%+=:,./*[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
