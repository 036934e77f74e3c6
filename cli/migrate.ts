/** `loghive migrate`: updates the database schema, then exits. */
import { type ConsumerOptions, migrateDatabase } from '../consumer/index.js';
import { buildTextIndex } from '../consumer/store/index.js';
import { migrationConfig } from '../consumer/store-settings.js';
import { internalLogger } from '../src/internal-logger.js';

export interface MigrateOptions extends Pick<ConsumerOptions, 'databaseUrl' | 'schema'> {
  readonly withTextSearch?: boolean;
}

export async function migrate({ withTextSearch = false, ...options }: MigrateOptions): Promise<void> {
  const applied = await migrateDatabase(options);
  process.stdout.write(applied.length === 0 ? 'the schema is up to date.\n' : `applied ${applied.join(', ')}.\n`);
  if (!withTextSearch) return;
  const isNew = await buildTextIndex({
    ...migrationConfig('migrate', options),
    notice: (text, level) => internalLogger[level](text),
  });
  process.stdout.write(`the index on the text of messages ${isNew ? 'is ready' : 'already exists'}.\n`);
}
