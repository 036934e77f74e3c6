/**
 * Writes docs/settings.md: `node scripts/settings-page.mjs`, or `--print`. Names, variables, defaults and accepted
 * values come from the option tables of the built code, descriptions from the comments on the option types. A test
 * fails if the page is out of date.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '..');
const built = (file) => import(pathToFileURL(path.join(root, 'dist/esm', file)).href);

const [{ producerOptions }, { consumerOptions }, { alertOptions }, { queryOptions }] = await Promise.all([
  built('src/producer-config.js'),
  built('consumer/config.js'),
  built('consumer/alerts/settings.js'),
  built('query/index.js'),
]);

/** Comments on the members of an interface, by name. */
const comments = new Map();
for (const folder of ['src', 'transports', 'consumer', 'query']) {
  for (const file of fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = fs.readFileSync(path.join(root, folder, file), 'utf8');
    if (!/interface \w*Options\b/.test(text)) continue;
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    ts.forEachChild(source, (node) => {
      if (!ts.isInterfaceDeclaration(node)) return;
      const members = node.members.filter(ts.isPropertySignature).map((member) => {
        // The raw text, because TypeScript parses `@>` within a comment as a tag.
        const [comment] = ts.getJSDocCommentsAndTags(member);
        const words = comment?.getText(source).replace(/^\/\*\*[\s*]*|\s*\*\/$/g, '') ?? '';
        return [member.name.getText(source), words.replace(/\s*\n\s*(?:\*\s*)?/g, ' ')];
      });
      comments.set(node.name.text, new Map(members));
    });
  }
}

const DAY_MS = 86_400_000;
const UNITS = [
  [
    /Bytes$/,
    [
      [2 ** 30, 'GiB'],
      [2 ** 20, 'MiB'],
      [2 ** 10, 'KiB'],
    ],
  ],
  [
    /Ms$/,
    [
      [DAY_MS, 'days'],
      [60_000, 'min'],
      [1000, 's'],
    ],
  ],
];
/** Their default depends on the machine, or words describe it better than a value. */
const IN_WORDS = new Set(['workers', 'alertRules']);

/** Interfaces that producers and the consumer extend. */
const SHARED = ['BrokerConnectionOptions', 'QueueOptions'];

const REQUIRED = new Set(['service', 'databaseUrl']);

function shownNumber(name, value) {
  const [, units = []] = UNITS.find(([pattern]) => pattern.test(name)) ?? [];
  const [size, unit] = units.find(([each]) => value >= each && value % each === 0) ?? [];
  return unit === undefined ? `${value}` : `${value} (${value / size} ${unit})`;
}

function shown(name, value) {
  if (typeof value === 'number') return shownNumber(name, value);
  if (Array.isArray(value)) return value.length === 0 ? '' : `\`${value.join(',')}\``;
  return `\`${value}\``;
}

/** The default that the comment names, and the rest of the comment without what other columns contain. */
function wordsOf(comment) {
  const sentences = comment.split(/(?<=\.)\s+(?=[A-Z`'])/);
  const isOf = (word) => (sentence) => sentence.startsWith(word);
  const byDefault = sentences
    .find(isOf('Default'))
    ?.replace(/^Default:? /, '')
    .replace(/\.$/, '');
  const rest = sentences.filter((sentence) => !isOf('Default')(sentence) && !isOf('Environment')(sentence)).join(' ');
  const inside = /,? default ([^.,;]+)(?=\.)/i.exec(rest);
  return { byDefault: byDefault ?? inside?.[1] ?? '', meaning: rest.replace(inside?.[0] ?? '', '') };
}

/** The accepted values: the message of the check for a value that no check accepts. */
function acceptedBy({ check }) {
  try {
    check(Symbol('nothing'));
  } catch (error) {
    if (error.constructor.name === 'Expected') return error.message;
  }
  return '';
}

const cell = (text) => text.replaceAll('|', '\\|');
const row = (cells) => `| ${cells.map(cell).join(' | ')} |`;

function optionRow(name, option, comment) {
  const { byDefault, meaning } = wordsOf(comment);
  const known = option.fallback === undefined || IN_WORDS.has(name) ? '' : shown(name, option.fallback);
  const fallback = known || byDefault || (REQUIRED.has(name) ? 'required' : '');
  const variables = (option.env ?? []).map((variable) => `\`${variable}\``).join(', ');
  return row([`\`${name}\``, variables, fallback, acceptedBy(option), meaning]);
}

const HEAD = '| option | environment | default | accepts | meaning |\n| --- | --- | --- | --- | --- |';

function table(options, ...interfaces) {
  const comment = (name) =>
    interfaces.map((each) => comments.get(each)?.get(name) ?? '').find((words) => words !== '') ?? '';
  // The five levels share one comment.
  const commentOf = (name) => comment(name) || comment(name.replace(/^retentionDays\w+$/, 'retentionDaysDebug'));
  return [HEAD, ...Object.entries(options).map(([name, option]) => optionRow(name, option, commentOf(name)))].join(
    '\n',
  );
}

/** A table of options that no exported option table contains. Only the comments describe them. */
function ownTable(name) {
  const rows = [...(comments.get(name) ?? [])].map(([option, comment]) => {
    const { byDefault, meaning } = wordsOf(comment);
    return row([`\`${option}\``, byDefault, meaning]);
  });
  return ['| option | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

const without = (options, names) => Object.fromEntries(Object.entries(options).filter(([name]) => !(name in names)));
const { services: _, ...ofConsumer } = consumerOptions;

const page = `<!-- Written by scripts/settings-page.mjs. Do not edit. -->

# Settings

Arguments take precedence over environment variables, which take precedence over the file \`config.env\` in the working directory (or the file that \`--config\` names). Loghive only reads that file; it does not export its values into the environment.

- A wrong argument throws at construction and names the option. Unknown options throw as well.
- A wrong value in the environment causes one warning, and the default is used. If there is no default (\`LOGHIVE_SERVICE\`, the database, \`SERVICE_NAMES\`), it is an error.
- A wrong broker address never makes Loghive connect to another broker. It makes no connection until the address is corrected, and logs an error.

## Options of an integration

For \`LoghiveTransport\`, \`loghivePino()\`, \`patchConsole()\` and \`LoggerClient\`. \`loghive pipe\` reads the same environment.

${table(producerOptions, 'ProducerOptions', ...SHARED)}

### Winston only

\`level\`, \`silent\`, \`format\`, \`handleExceptions\` and \`handleRejections\` are the usual options of a Winston transport.

${ownTable('LoghiveTransportOptions')}

### Pino only

${ownTable('LoghivePinoOptions')}

### The console only

${ownTable('PatchConsoleOptions')}
${comments.has('LoggerClientOptions') ? `\n### LoggerClient only\n\n${ownTable('LoggerClientOptions')}\n` : ''}
## Address of the broker

\`LOGHIVE_URL\`, else \`AMQP_URL\`, else \`QUEUE_HOST\` with \`QUEUE_PORT\`, \`QUEUE_USER\`, \`QUEUE_PASSWORD\` and \`QUEUE_VHOST\`, else \`amqp://guest:guest@localhost:5672/\`.

- **Several hosts** are tried in turn: \`amqp://user:password@one,two:5673/vhost\`.
- **Special characters.** Percent-encode them in a URL. In \`QUEUE_USER\`, \`QUEUE_PASSWORD\`, \`QUEUE_VHOST\` and the corresponding \`POSTGRES_DB_\` variables, valid percent codes are decoded too, because the Python package inserts these values into its URLs unchanged.
- **Hosts.** \`QUEUE_HOST\` and \`POSTGRES_DB_HOST\` accept only host names and addresses; ports must be from 1 to 65535. A \`QUEUE_PORT=tcp://…\`, which Kubernetes sets for a service named \`queue\`, is ignored.
- **Query.** Loghive reads \`heartbeat\` (seconds), \`connection_timeout\` (milliseconds) and, with \`amqps://\`, \`cacertfile\`, \`certfile\`, \`keyfile\` and \`server_name_indication\`, as RabbitMQ's own clients do. Other parameters are reported once and ignored.
- **TLS.** \`amqps://\` in the URL, or the option \`tls\` with \`ca\`, \`cert\` and \`key\` as PEM text (not paths). For \`loghive consume\`, \`NODE_EXTRA_CA_CERTS=ca.pem\` adds a certificate authority.

## Options of the consumer

For \`createConsumer()\`, \`startConsumer()\` and \`loghive consume\`. Pass the services as the first argument, or set \`SERVICE_NAMES\`, separated by commas. Otherwise the consumer stores every service that announces itself.

${table(without(ofConsumer, alertOptions), 'ConsumerOptions', ...SHARED)}

\`registry\` (in code only): a registry of prom-client or @prometheus-io/client to which the metrics are added.

### Alerts

[What they do](alerts.md).

${table(alertOptions, 'AlertOptions')}

## Queries

For \`loghive search\`, \`loghive tail\`, \`loghive patterns\` and \`loghive dev --show\` ([searching](searching.md)).

${table(queryOptions, 'QueryOptions')}

## Address of the database

\`LOGHIVE_DATABASE_URL\`, else \`POSTGRES_DB_HOST\` with \`POSTGRES_DB_PORT\`, \`POSTGRES_DB_USER\`, \`POSTGRES_DB_PASSWORD\` and \`POSTGRES_DB_NAME\`, else \`DATABASE_URL\`. That variable usually belongs to your application, so a log line says that it was used. \`loghive dev\` does not read \`DATABASE_URL\`.

URLs follow libpq: host lists, \`sslmode\`, \`sslrootcert\`, \`sslcert\`, \`sslkey\`, \`target_session_attrs\`, \`passfile\`.

## What Loghive logs about itself

| variable | read by | default |
| --- | --- | --- |
| \`LOGHIVE_LOG_LEVEL\` | integrations and commands | \`INFO\` |
| \`LOG_LEVEL\` | the command \`loghive\`, and \`config.env\` | \`INFO\` |

\`DEBUG\`, \`INFO\`, \`WARNING\`, \`ERROR\` or \`CRITICAL\`. That records are lost is an ERROR, which no value hides.
`;

if (process.argv.includes('--print')) process.stdout.write(page);
else fs.writeFileSync(path.join(root, 'docs/settings.md'), page);
