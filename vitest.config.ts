import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.js';

/**
 * Tests that start and kill servers: those of the tests, those of `loghive dev`, and the command line without servers.
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
/** Tests of the packed file. */
const PACKAGE = ['test/package.test.ts'];
/** Tests that install the packed file, and compile, bundle and run it as users do. */
const PROJECTS = ['test/projects.test.ts', 'test/bundles.test.ts', 'test/runtimes.test.ts'];

/**
 * Fuzz tests with thousands of random or hostile values and messages, the largest ones within the limits, bursts, and
 * every kind of record that PostgreSQL rejects individually.
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

/** Tests for operators: maintenance commands, retention, alerts through a real mail server. */
const OPERATIONS = [
  'test/cli/{alerts,dead-letters,partitions,services,services-interrupted}.test.ts',
  'test/cli/{doctor,status}/**/*.test.ts',
  'test/consumer/alerts/**/*.test.ts',
  'test/consumer/maintenance.test.ts',
  'test/consumer/store/retention.test.ts',
];

/** Tests of whole applications in processes of their own: what they print, and how they end. test/exits has a cell of each. */
const PROCESSES = [
  'test/publisher/exit.test.ts',
  'test/publisher/exit-worker.test.ts',
  'test/transports/{console-process,pino-worker}.test.ts',
  'test/unclosed.test.ts',
];

/** A million records, and hundreds of kills, through the spool. */
const SPOOL = ['test/publisher/spool/long/**/*.test.ts'];

/** Searches in ten million records, which take minutes to make. */
const SEARCH = ['test/query/long/**/*.test.ts'];

/** Tests of the commands and of the development broker, except those above. */
const CLI = ['test/cli/**/*.test.ts'];

/** Tests of the consumer and its tables, except those above and below. */
const STORAGE = ['test/consumer/**/*.test.ts'];

/** Tests of server faults: what a consumer stores, and what it reports meanwhile. */
const FAULTS = ['test/consumer/faults/**/*.test.ts'];

export default defineConfig({
  test: {
    // Suites with their own runners. The projects contain test files of their own.
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
    // The servers need CPU time as well.
    maxWorkers: 2,
    // Shows the contents of lists in error messages, of which CI only prints one line.
    chaiConfig: { truncateThreshold: 1000 },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // Concurrent conversations, most of which wait for a server.
    maxConcurrency: 10,
    sequence: { sequencer: SlowestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: [
            ...SERVERS,
            ...PACKAGE,
            ...PROJECTS,
            ...HOSTILE,
            ...OPERATIONS,
            ...PROCESSES,
            ...SPOOL,
            ...SEARCH,
            ...CLI,
            ...STORAGE,
            ...FAULTS,
          ],
        },
      },
      { extends: true, test: { name: 'servers', include: SERVERS } },
      { extends: true, test: { name: 'package', include: PACKAGE } },
      { extends: true, test: { name: 'projects', include: PROJECTS, exclude: ['**/node_modules/**'] } },
      { extends: true, test: { name: 'hostile', include: HOSTILE } },
      { extends: true, test: { name: 'operations', include: OPERATIONS } },
      { extends: true, test: { name: 'processes', include: PROCESSES } },
      { extends: true, test: { name: 'spool', include: SPOOL } },
      { extends: true, test: { name: 'search', include: SEARCH } },
      { extends: true, test: { name: 'cli', include: CLI, exclude: [...SERVERS, ...HOSTILE, ...OPERATIONS] } },
      {
        extends: true,
        test: { name: 'storage', include: STORAGE, exclude: [...SERVERS, ...HOSTILE, ...OPERATIONS, ...FAULTS] },
      },
      // Each test has its own consumer with several threads.
      { extends: true, test: { name: 'faults', include: FAULTS, maxConcurrency: 5 } },
    ],
  },
});
