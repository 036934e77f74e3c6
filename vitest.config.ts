import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
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
  },
});
