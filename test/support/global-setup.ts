import type { TestProject } from 'vitest/node';
import { whyNotInstall } from './install-package.mjs';
import { leftoverFaults, watchLeftovers } from './leftovers.mjs';
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
 * database. The run fails if the tests leave processes or files behind.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  // Called for the root project too, whose values the others get: once is enough.
  if (!project.isRootProject()) return undefined;
  // Installed here, where no test timeout applies. If that is not possible, the tests that need it report it.
  if (whyNotInstall() === undefined) requirePgbouncer();
  // Before the other folder: this one is removed only when this process exits.
  useTemporarySpool();
  const leftovers = watchLeftovers();
  const servers = await startServers();
  project.provide('rabbitmq', servers.rabbitmq.description);
  project.provide('postgres', servers.postgres.description);
  return async () => {
    await servers.stop();
    const left = leftoverFaults(await leftovers.count());
    if (left.length === 0) return;
    process.stderr.write(`The tests have left something behind:\n${left.join('\n')}\n`);
    process.exitCode = 1;
  };
}
