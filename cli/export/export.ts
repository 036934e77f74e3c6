/** `loghive export [query] --to FILE`: writes the records that match to a file, or to stdout. */
import { parseDatabaseUrl } from '../../consumer/store/database-url.js';
import { migrationConfig } from '../../consumer/store-settings.js';
import { openRecordReader, type Query } from '../../query/index.js';
import { openEnvironment } from '../../src/config.js';
import { interruptible } from '../interruptible.js';
import type { Messages } from '../messages.js';
import { createPatience } from '../patience.js';
import { queryArgument } from '../search/query-argument.js';
import { compressorOf } from './compress.js';
import { type ExportCommandOptions, type ExportPlan, planOf } from './export-options.js';
import type { ExportIdentity } from './part-file.js';
import { writeFile } from './write-file.js';
import { writeStdout } from './write-stdout.js';

export async function exportRecords(
  words: readonly string[],
  options: ExportCommandOptions,
  messages: Messages,
): Promise<void> {
  const query = queryArgument('export', words, openEnvironment());
  const plan = planOf(options);
  // Before anything is created.
  compressorOf(plan.compression);
  const database = migrationConfig('export', { databaseUrl: options.databaseUrl, schema: options.schema });
  const reader = openRecordReader(database);
  try {
    await interruptible(async (signal) => {
      const report = (sentence: string) => messages.report('loghive export', sentence);
      const source = { reader, patience: createPatience(report, signal), query, timeoutMs: plan.timeoutMs, signal };
      if (plan.file === undefined) await writeStdout(source, plan, messages);
      else await writeFile(source, plan, plan.file, identityOf(query, plan, database), messages);
    });
  } finally {
    await reader.close();
  }
}

function identityOf(
  query: Query,
  { format, compression, typedRange }: ExportPlan,
  { databaseUrl, schema }: { readonly databaseUrl: string; readonly schema: string },
): ExportIdentity {
  const { hosts, database } = parseDatabaseUrl(databaseUrl);
  return {
    query: query.text,
    range: typedRange,
    format: compression === 'none' ? format : `${format}, ${compression}`,
    database: `${hosts.map(({ host, port }) => `${host}:${port}`).join()}/${database}`,
    schema,
  };
}
