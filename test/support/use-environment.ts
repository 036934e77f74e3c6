import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { internalLogger } from '../../src/internal-logger.js';
import { onEnd } from './use-servers.js';

/** All environment variables that Loghive reads, and those that a child process needs. */
const READ =
  /^(LOGHIVE_|AMQP_URL$|QUEUE_|POSTGRES_DB_|DATABASE_URL$|SERVICE_NAMES$|CONSUMER_|RETENTION_|RETRY_|PYTHON_|ENABLE_EMAIL|EMAIL_|ALERT_|LOG_LEVEL$|STATE_DIRECTORY$)/;

export interface TestEnvironment {
  /** The working directory, with a `config.env` if there is one. */
  folder: string;
  /** The warnings so far. */
  warnings(): string[];
}

/** For one test, sets these variables and no others that Loghive reads, in a new working directory. */
export function useEnvironment(variables: Record<string, string> = {}, configFile?: string): TestEnvironment {
  for (const name of Object.keys(process.env)) if (READ.test(name)) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-environment-'));
  if (configFile !== undefined) writeFileSync(path.join(folder, 'config.env'), configFile);
  const before = process.cwd();
  process.chdir(folder);
  const warning = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => {
    warning.mockRestore();
    process.chdir(before);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, warnings: () => warning.mock.calls.map(([sentence]) => sentence) };
}
