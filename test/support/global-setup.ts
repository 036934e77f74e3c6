import type { TestProject } from 'vitest/node';
import { whyNotInstall } from './install-package.mjs';
import { requirePgbouncer } from './pgbouncer.mjs';
import type { PostgresDescription } from './postgres.mjs';
import type { RabbitmqDescription } from './rabbitmq.mjs';
import { startServers } from './servers.mjs';
import { useTemporarySpool } from './temporary-spool.mjs';

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
  useTemporarySpool();
  const servers = await startServers();
  project.provide('rabbitmq', servers.rabbitmq.description);
  project.provide('postgres', servers.postgres.description);
  return servers.stop;
}
