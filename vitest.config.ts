import { defineConfig } from 'vitest/config';

/**
 * Servers that are started and killed, over and over: those of the tests themselves, those of `loghive dev`, and what the
 * command says of those that are not there.
 */
const SERVERS = [
  'test/support/**/*.test.ts',
  'test/cli/dev.test.ts',
  'test/cli/servers.test.ts',
  'test/cli/passwords.test.ts',
  'test/cli/embedded/postgres/**/*.test.ts',
  'test/consumer/{consumer-timeout,delayed-retry,promtool}.test.ts',
  'test/deploy/rules.test.ts',
];
/** The packed file. */
const PACKAGE = ['test/package.test.ts'];
/** What installs it, compiled, bundled and run as users do. */
const PROJECTS = ['test/projects.test.ts', 'test/bundles.test.ts', 'test/runtimes.test.ts'];

/**
 * Thousands of values and messages that nobody means well, drawn by a seed or as large as the limits allow or come in one burst,
 * and every kind of record that PostgreSQL refuses alone.
 */
const HOSTILE = [
  'test/consumer/fuzz.test.ts',
  'test/consumer/hostile-*.test.ts',
  'test/consumer/store/refused-alone.test.ts',
  'test/consumer/store/letters-refused.test.ts',
  'test/cli/embedded/broker/fuzz.test.ts',
  'test/transports/winston-hostile.test.ts',
  'test/transports/many-calls.test.ts',
];

/** What an operator relies on: commands that look after tables and queues, retention, alerts through a real mail server. */
const OPERATIONS = [
  'test/cli/{alerts,dead-letters,partitions,services,services-interrupted}.test.ts',
  'test/consumer/alerts/**/*.test.ts',
  'test/consumer/maintenance.test.ts',
  'test/consumer/store/retention.test.ts',
];

/** What happens to the servers of a consumer, one fault after the other: what it stores, and what it says meanwhile. */
const FAULTS = ['test/consumer/faults/**/*.test.ts'];

export default defineConfig({
  test: {
    // Suites with runners of their own; the projects bring their own test files.
    exclude: [
      'test/projects/**',
      'test/suite/**',
      'test/delivery/**',
      'test/consumer-suite/**',
      'test/versions/**',
      'test/examples/**',
      '**/node_modules/**',
    ],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // The servers of the run need processor time as well.
    maxWorkers: 2,
    // A list that should be empty is shown, not counted: what CI says of a failed test is this one line.
    chaiConfig: { truncateThreshold: 1000 },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // Conversations that wait for a server's delays side by side.
    maxConcurrency: 10,
    projects: [
      {
        extends: true,
        test: {
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: [...SERVERS, ...PACKAGE, ...PROJECTS, ...HOSTILE, ...OPERATIONS, ...FAULTS],
        },
      },
      { extends: true, test: { name: 'servers', include: SERVERS } },
      { extends: true, test: { name: 'package', include: PACKAGE } },
      { extends: true, test: { name: 'projects', include: PROJECTS, exclude: ['**/node_modules/**'] } },
      { extends: true, test: { name: 'hostile', include: HOSTILE } },
      { extends: true, test: { name: 'operations', include: OPERATIONS } },
      // Each is a consumer of its own, with its threads.
      { extends: true, test: { name: 'faults', include: FAULTS, maxConcurrency: 5 } },
    ],
  },
});
