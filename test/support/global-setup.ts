import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { whyNotInstall } from './install-package.mjs';
import { requirePgbouncer } from './pgbouncer.mjs';
import type { PostgresDescription } from './postgres.mjs';
import type { RabbitmqDescription } from './rabbitmq.mjs';
import { startServers } from './servers.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    rabbitmq: RabbitmqDescription;
    postgres: PostgresDescription;
  }
}

/**
 * Starts one RabbitMQ and one PostgreSQL for all test files of a run; use-servers.ts gives each test its own vhost and
 * database.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Installed here, where no test timeout applies. If that is not possible, the tests that need it report it.
  if (whyNotInstall() === undefined) requirePgbouncer();
  // What producers leave on disk, in the tests and in the programs that they start.
  const spool = mkdtempSync(path.join(os.tmpdir(), 'loghive-test-spool-'));
  process.env.LOGHIVE_SPOOL_DIR = spool;
  const servers = await startServers();
  project.provide('rabbitmq', servers.rabbitmq.description);
  project.provide('postgres', servers.postgres.description);
  return async () => {
    await servers.stop();
    rmSync(spool, { recursive: true, force: true });
  };
}
