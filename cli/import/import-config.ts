/** The settings of `loghive import`: those of a consumer that say what is stored, and how. */
import { consumerOptions } from '../../consumer/config.js';
import type { StoreConfig } from '../../consumer/store/index.js';
import {
  migrationConfig,
  type RetentionSettings,
  retentionOptions,
  retentionSettings,
} from '../../consumer/store-settings.js';
import { openEnvironment, warnOnce } from '../../src/config.js';
import { resolveOptions } from '../../src/settings/option.js';
import type { DatabaseOptions } from '../subcommand.js';

export interface ImportRules {
  readonly retention: RetentionSettings;
  readonly pythonTimezone: string | undefined;
}

/** Days before today that get a partition if records are kept forever: imported records are older than others. */
const DAYS_BACK = 3 * 366;

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function importRules(): ImportRules {
  const table = { ...retentionOptions, pythonTimezone: consumerOptions.pythonTimezone };
  const values = resolveOptions('import', table, {}, openEnvironment(), warnOnce);
  return { retention: retentionSettings(values), pythonTimezone: values.pythonTimezone };
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function importStoreConfig(
  { databaseUrl, schema }: DatabaseOptions,
  { retention }: ImportRules,
  notice: StoreConfig['notice'],
): StoreConfig {
  return {
    ...migrationConfig('import', { databaseUrl, schema }),
    retentionDays: retention.days ?? DAYS_BACK,
    notice,
  };
}
