/** The rules of the house about imports (CONTRIBUTING.md, "Structure"). Type-only imports count as well. */
const owners = {
  amqplib: '^src/amqp/',
  'async-mutex': '^(src/amqp|src/publisher|consumer)/',
  pg: '^consumer/store/',
  'p-retry': '^(consumer|cli)/',
  nodemailer: '^consumer/alerts/mailer\\.ts$',
  'prom-client': '^consumer/metrics\\.ts$',
  'safe-regex2': '^consumer/alerts/rules\\.ts$',
  dotenv: '^src/config\\.ts$',
  'winston-transport': '^transports/winston\\.ts$',
  'pino-abstract-transport': '^transports/pino\\.ts$',
  commander: '^cli/',
  '@pinojs/redact': '^src/fields/redact\\.ts$',
};

/** Types of messages and their properties are amqplib's; only what runs has one owner. */
const typeOnly = { amqplib: true };

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(transports|consumer|query|cli|test)/' },
    },
    {
      name: 'transports-know-src-only',
      severity: 'error',
      from: { path: '^transports/' },
      to: { path: '^(consumer|query|cli|test)/' },
    },
    {
      name: 'transports-do-not-know-each-other',
      severity: 'error',
      from: { path: '^transports/([a-z]+)' },
      to: { path: '^transports/', pathNot: '^transports/$1' },
    },
    {
      name: 'consumer-knows-src-only',
      severity: 'error',
      from: { path: '^consumer/' },
      to: { path: '^(transports|query|cli|test)/' },
    },
    {
      name: 'query-knows-src-and-the-database-connection-only',
      comment: 'a search must not load the consumer, nor what the store needs for writing',
      severity: 'error',
      from: { path: '^query/' },
      to: {
        path: '^(transports|consumer|cli|test)/',
        pathNot:
          '^consumer/store/(connect|database-url|index-definitions|reconnecting-session|sql|storage-fault|transaction)\\.ts$',
      },
    },
    {
      name: 'store-is-entered-by-its-door',
      severity: 'error',
      from: { path: '^(consumer/(intake/)?[^/]+\\.ts|cli/)' },
      to: { path: '^consumer/store/', pathNot: '^consumer/store/(index|database-url)\\.ts$' },
    },
    ...Object.entries(owners).map(([name, path]) => ({
      name: `${name}-has-one-owner`,
      severity: 'error',
      from: { pathNot: path },
      to: {
        path: `^node_modules/(@types/)?${name}/`,
        ...(typeOnly[name] ? { dependencyTypesNot: ['type-only'] } : {}),
      },
    })),
    {
      name: 'light-imports',
      comment: 'what an application loads has no database, no command line',
      severity: 'error',
      from: { path: '^(src|transports)/' },
      to: { path: '^node_modules/(pg|p-retry|commander|prom-client|nodemailer)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
