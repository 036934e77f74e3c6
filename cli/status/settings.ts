/** The settings of `loghive status`: those of a consumer, as far as they are needed. */
import { administeredBroker } from '../../consumer/administration-config.js';
import { consumerOptions } from '../../consumer/config.js';
import { DEFAULT_HTTP_PORT, httpConfig } from '../../consumer/http/settings.js';
import { retentionOptions } from '../../consumer/store-settings.js';
import { type BrokerConfig, openEnvironment, warnOnce } from '../../src/config.js';
import { producerOptions } from '../../src/producer-config.js';
import { resolveOptions } from '../../src/settings/option.js';
import { spoolConfig } from '../../src/settings/spool-options.js';
import type { QueueSettings } from '../../src/wire.js';
import type { DatabaseOptions } from '../subcommand.js';
import { consumerUrl } from './consumers.js';

export interface StatusOptions extends DatabaseOptions {
  readonly url?: string;
  /** URLs of the HTTP servers of consumers. */
  readonly consumer?: readonly string[];
  readonly spoolDir?: string;
}

export interface StatusSettings {
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly retryDelaysMs: readonly number[];
  /** Undefined: forever. */
  readonly retentionDays: number | undefined;
  /** Named services; none: those that are found. */
  readonly services: readonly string[];
  /** Undefined: none is configured. */
  readonly database: DatabaseOptions | undefined;
  readonly consumers: readonly string[];
  /** Undefined: the spool is turned off. */
  readonly spoolDir: string | undefined;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function statusSettings(services: readonly string[], options: StatusOptions): StatusSettings {
  const { url, consumer, spoolDir, ...database } = options;
  const environment = openEnvironment();
  const table = {
    services: consumerOptions.services,
    retryDelaysMs: consumerOptions.retryDelaysMs,
    retentionDays: retentionOptions.retentionDays,
    httpPort: consumerOptions.httpPort,
    httpHost: consumerOptions.httpHost,
    spool: producerOptions.spool,
  };
  const given = { services: services.length === 0 ? undefined : services };
  const values = resolveOptions('status', table, given, environment, warnOnce);
  const names = ['LOGHIVE_DATABASE_URL', 'POSTGRES_DB_HOST', 'DATABASE_URL'];
  const hasDatabase = database.databaseUrl !== undefined || names.some((name) => environment(name)?.text);
  const spool = spoolConfig(spoolDir === undefined ? values.spool : { dir: spoolDir }, environment);
  return {
    ...administeredBroker('status', { url }),
    retryDelaysMs: values.retryDelaysMs,
    retentionDays: values.retentionDays,
    services: values.services ?? [],
    database: hasDatabase ? database : undefined,
    consumers: consumer?.map(consumerUrl) ?? ownConsumer(values),
    spoolDir: spool?.dir,
  };
}

/** The one on this machine, where its settings say. */
function ownConsumer(values: Parameters<typeof httpConfig>[0]): string[] {
  const config = httpConfig(values, true);
  if (config === undefined) return [];
  const host = /^(?:0\.0\.0\.0|::)$/.test(config.host) ? 'localhost' : config.host;
  const port = config.port === 0 ? DEFAULT_HTTP_PORT : config.port;
  return [`http://${host.includes(':') ? `[${host}]` : host}:${port}`];
}
