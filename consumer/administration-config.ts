/** Configuration of the commands that administer tables and queues. */
import {
  type BrokerConfig,
  brokerConfig,
  brokerOptions,
  openEnvironment,
  queueOptions,
  queueSettings,
  usable,
  warnOnce,
} from '../src/config.js';
import { internalLogger } from '../src/internal-logger.js';
import { resolveOptions } from '../src/settings/option.js';
import type { QueueSettings } from '../src/wire.js';
import type { StoreConfig } from './store/index.js';
import { migrationConfig } from './store-settings.js';

/** Timeouts, in milliseconds. These commands scan millions of rows, so they may take longer than a batch. */
const STATEMENT_TIMEOUT_MS = 300_000;
const ANSWER_TIMEOUT_MS = 600_000;

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function administrationConfig(
  owner: string,
  { databaseUrl, schema }: { databaseUrl?: string | undefined; schema?: string | undefined },
): StoreConfig {
  return Object.freeze({
    ...migrationConfig(owner, { databaseUrl, schema }),
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    writeTimeoutMs: ANSWER_TIMEOUT_MS,
    notice: (text: string, level: 'info' | 'warning') => internalLogger[level](text),
  });
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function administeredBroker(
  owner: string,
  { url }: { url?: string | undefined },
): { readonly broker: BrokerConfig; readonly queues: QueueSettings } {
  const environment = openEnvironment();
  const values = resolveOptions(owner, { ...brokerOptions, ...queueOptions }, { url }, environment, warnOnce);
  return Object.freeze({ broker: usable(brokerConfig(values, environment)), queues: queueSettings(values) });
}
