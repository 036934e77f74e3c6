/** What a command that looks at the database works with, for as long as it works. */
import type { Administration } from '../consumer/store/index.js';

export interface DatabaseOptions {
  databaseUrl?: string;
  schema?: string;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION, and what the work throws. */
export async function withTables<T>(
  owner: string,
  options: DatabaseOptions,
  work: (tables: Administration) => Promise<T>,
): Promise<T> {
  const { administrationConfig } = await import('../consumer/administration-config.js');
  const { openAdministration } = await import('../consumer/store/index.js');
  const tables = openAdministration(administrationConfig(owner, options));
  try {
    return await work(tables);
  } finally {
    await tables.close();
  }
}
