import { defineConfig } from 'vitest/config';

/** Servers that are started and killed, over and over: those of the tests themselves, and those of `loghive dev`. */
const SERVERS = ['test/support/**/*.test.ts', 'test/cli/dev.test.ts', 'test/cli/embedded/postgres/**/*.test.ts'];
/** What is packed, installed, compiled and run as users do it. */
const PACKAGE = ['test/package.test.ts', 'test/projects.test.ts'];

/** Thousands of values and messages that nobody means well, drawn by a seed or as large as the limits allow. */
const HOSTILE = [
  'test/consumer/fuzz.test.ts',
  'test/consumer/hostile-*.test.ts',
  'test/cli/embedded/broker/fuzz.test.ts',
  'test/transports/winston-hostile.test.ts',
];

export default defineConfig({
  test: {
    // Suites with runners of their own; the projects bring their own test files.
    exclude: ['test/projects/**', 'test/delivery/**', 'test/versions/**', 'test/examples/**', '**/node_modules/**'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // The servers of the run need processor time as well.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // Conversations that wait for a server's delays side by side.
    maxConcurrency: 10,
    projects: [
      {
        extends: true,
        test: { name: 'behaviour', include: ['test/**/*.test.ts'], exclude: [...SERVERS, ...PACKAGE, ...HOSTILE] },
      },
      { extends: true, test: { name: 'servers', include: SERVERS } },
      { extends: true, test: { name: 'package', include: PACKAGE } },
      { extends: true, test: { name: 'hostile', include: HOSTILE } },
    ],
  },
});
