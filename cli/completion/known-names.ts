/** Names of services and fields for completion: from the cache, else from the database, if it answers soon. */
import { within } from '../../src/time/time-limit.js';

export interface KnownNames {
  /** None if the database is not configured or does not answer. Never rejects. */
  services(): Promise<readonly string[]>;
  /** The same for fields, as they are written in a query, most frequent first. */
  fieldNames(): Promise<readonly string[]>;
}

/** Options that were given; other settings come from the environment. */
export interface NameSource {
  readonly databaseUrl?: string | undefined;
  readonly schema?: string | undefined;
  /** Settings file. */
  readonly config?: string | undefined;
  /** Time limit of the connection and the query together, in milliseconds. */
  readonly limitMs: number;
}

const FRESH_MS = 3 * 60_000;
/** After a failure, so that not every Tab waits for a database that is away. */
const RETRY_MS = 20_000;

type Kind = 'services' | 'fieldNames';

/** Reads nothing until a name is asked for. */
export function knownNames(source: NameSource): KnownNames {
  const read = async (kind: Kind) => {
    try {
      return await readNames(source, kind);
    } catch {
      // Nothing is configured, or not correctly: the command itself will say so.
      return [];
    }
  };
  return { services: () => read('services'), fieldNames: () => read('fieldNames') };
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
async function readNames({ config, limitMs, ...options }: NameSource, kind: Kind) {
  const { useConfigFile } = await import('../../src/config.js');
  const { migrationConfig } = await import('../../consumer/store-settings.js');
  const { openNameCache } = await import('./name-cache.js');
  if (config !== undefined) useConfigFile(config);
  const { databaseUrl, schema } = migrationConfig('completion', options);
  const cache = openNameCache(databaseUrl, schema, kind);
  const cached = cache.read(Date.now());
  if (cached?.isFresh) return cached.names;
  const names = await askDatabase({ databaseUrl, schema, limitMs }, kind);
  // The last names are better than none.
  const result = names ?? cached?.names ?? [];
  cache.write(result, Date.now() + (names === undefined ? RETRY_MS : FRESH_MS));
  return result;
}

async function askDatabase(
  { limitMs, ...options }: { databaseUrl: string; schema: string; limitMs: number },
  kind: Kind,
) {
  const { openRecordReader } = await import('../../query/index.js');
  const reader = openRecordReader({ ...options, connectTimeoutMs: limitMs });
  const signal = AbortSignal.timeout(limitMs);
  let names: readonly string[] | undefined;
  const reading = reader[kind]({ signal, timeoutMs: limitMs }).then((found) => (names = found));
  await within(limitMs, reading);
  // The command does not wait until this has ended.
  reader.close();
  return names;
}
