/** `loghive migrate`: updates the database schema, then exits. */
import { type ConsumerOptions, migrateDatabase } from '../consumer/index.js';

export async function migrate(options: Pick<ConsumerOptions, 'databaseUrl' | 'schema'>): Promise<void> {
  const applied = await migrateDatabase(options);
  process.stdout.write(applied.length === 0 ? 'the schema is up to date.\n' : `applied ${applied.join(', ')}.\n`);
}
