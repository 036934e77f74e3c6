/** The settings that `loghive doctor` examines, and where each of them came from. Wrong ones are findings, not errors. */
import { administeredBroker } from '../../consumer/administration-config.js';
import { type AlertSettings, alertConfig } from '../../consumer/alerts/settings.js';
import { consumerOptions } from '../../consumer/config.js';
import {
  migrationConfig,
  retentionOptions,
  retentionSettings,
  type StoreSettings,
  storeOptions,
} from '../../consumer/store-settings.js';
import { type BrokerConfig, brokerOptions, openEnvironment, warnOnce } from '../../src/config.js';
import { LoghiveError } from '../../src/errors.js';
import { producerOptions } from '../../src/producer-config.js';
import type { SpoolConfig } from '../../src/publisher/spool/spool.js';
import { maskedBroker } from '../../src/settings/broker-url.js';
import { maskUrl } from '../../src/settings/mask-url.js';
import {
  type Environment,
  kindOf,
  type Option,
  resolveOptions,
  shown,
  usedSetting,
} from '../../src/settings/option.js';
import { spoolConfig } from '../../src/settings/spool-options.js';
import type { QueueSettings } from '../../src/wire.js';
import type { Role } from './rabbitmqctl.js';
import { failedWith, note, ok, type Verdict } from './verdict.js';

/** As given on the command line. */
export interface Arguments {
  readonly services: readonly string[];
  readonly url?: string | undefined;
  readonly databaseUrl?: string | undefined;
  readonly schema?: string | undefined;
  readonly spoolDir?: string | undefined;
  readonly producer?: boolean | undefined;
}

export interface ExaminedSettings {
  readonly role: Role;
  /** Undefined: the setting is wrong. */
  readonly broker: { readonly broker: BrokerConfig; readonly queues: QueueSettings } | undefined;
  /** Undefined: there is none, or the setting is wrong. */
  readonly store: StoreSettings | undefined;
  readonly hasRetention: boolean;
  readonly retryDelaysMs: readonly number[];
  /** Services that are named, for a consumer or a producer. */
  readonly services: readonly string[];
  readonly alerts: AlertSettings | undefined;
  /** Undefined: turned off. */
  readonly spool: SpoolConfig | undefined;
  readonly findings: ReadonlyArray<readonly [name: string, verdict: Verdict]>;
}

const BROKER_PARTS = ['QUEUE_HOST', 'QUEUE_PORT', 'QUEUE_USER', 'QUEUE_PASSWORD', 'QUEUE_VHOST'];
const DATABASE_PARTS = ['HOST', 'PORT', 'USER', 'PASSWORD', 'NAME'].map((part) => `POSTGRES_DB_${part}`);
/** Shown in lines of their own. */
const OWN_LINES = new Set(['url', 'databaseUrl', 'schema', 'services']);

/**
 * @param warnings what was reported while the settings were read; may grow until this returns.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong argument.
 */
export function readSettings(given: Arguments, warnings: readonly string[]): ExaminedSettings {
  const { url, databaseUrl, schema, spoolDir } = given;
  const services = given.services.length === 0 ? undefined : given.services;
  const environment = openEnvironment();
  const checked = { url: brokerOptions.url, ...storeOptions, services: consumerOptions.services };
  // Wrong arguments are usage errors; a wrong environment is what this command looks for.
  resolveOptions('doctor', checked, { url, databaseUrl, schema, services }, () => undefined, ignore);

  const findings: (readonly [string, Verdict])[] = [];
  const add = (name: string, verdict: Verdict) => findings.push([name, verdict]);
  const attempt = <T>(name: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof LoghiveError)) throw error;
      add(name, failedWith(error, 'Correct it.'));
      return undefined;
    }
  };
  const from = (argument: string | undefined, option: string, ...variables: (readonly string[])[]) =>
    argument === undefined ? originOf(environment, variables) : `option ${option}`;

  const broker = attempt('broker', () => administeredBroker('doctor', { url }));
  if (broker) {
    const origin = from(url, '--url', ['LOGHIVE_URL'], ['AMQP_URL'], BROKER_PARTS);
    add('broker', ok(`${broker.broker.hosts.map(maskedBroker).join()} (${origin})`));
  }
  const isNamed = databaseUrl ?? firstSet(environment, ['LOGHIVE_DATABASE_URL', 'POSTGRES_DB_HOST', 'DATABASE_URL']);
  const isConsumer = !given.producer && isNamed !== undefined;
  const store = isConsumer ? attempt('database', () => migrationConfig('doctor', { databaseUrl, schema })) : undefined;
  if (store) {
    const origin = from(databaseUrl, '--database-url', ['LOGHIVE_DATABASE_URL'], DATABASE_PARTS, ['DATABASE_URL']);
    add('database', ok(`${maskUrl(store.databaseUrl)} (${origin})`));
    add('schema', ok(`${store.schema} (${schema === undefined ? 'default' : 'option --schema'})`));
  } else if (!isConsumer) add('database', note(noDatabase(given.producer ?? false)));

  const more = attempt('others', () => {
    // These two were checked above.
    const { url: _url, databaseUrl: _databaseUrl, ...table } = consumerOptions;
    return resolveOptions('doctor', table, { services }, environment, isConsumer ? warnOnce : ignore);
  });
  if (isConsumer && more) attempt('retention', () => retentionSettings(more));
  const { service, spool: spoolOption, enabled } = producerOptions;
  const own = attempt('service', () =>
    resolveOptions('doctor', { service, spool: spoolOption, enabled }, {}, environment, warnOnce),
  );
  if (own?.enabled === false) add('enabled', note('LOGHIVE_ENABLED is off: producers discard every record'));
  const named = services ?? more?.services ?? (own?.service === undefined ? [] : [own.service]);
  if (named.length > 0) {
    const origin = services ? 'arguments' : originOf(environment, [['SERVICE_NAMES'], ['LOGHIVE_SERVICE']]);
    add('services', ok(`${named.join(', ')} (${origin})`));
  }
  const spool = spoolConfig(spoolDir === undefined ? own?.spool : { dir: spoolDir }, environment);
  if (spool) {
    const origin = from(spoolDir, '--spool-dir', ['LOGHIVE_SPOOL_DIR'], ['STATE_DIRECTORY']);
    add('spool', ok(`${spool.dir} (${origin})`));
  } else add('spool', note(`turned off (${originOf(environment, [['LOGHIVE_SPOOL']])})`));
  const alerts = isConsumer ? attempt('alerts', () => alertConfig('doctor', {})) : undefined;
  for (const line of otherSettings(environment)) findings.push(line);
  for (const warning of warnings)
    add('warning', failedWith(new LoghiveError('LOGHIVE_INVALID_OPTION', warning), 'Correct it.'));
  return {
    role: isConsumer ? 'consumer' : 'producer',
    broker,
    store,
    hasRetention: Object.keys(retentionOptions).some((name) => more?.[name as keyof typeof retentionOptions]),
    retryDelaysMs: more?.retryDelaysMs ?? [],
    services: named,
    alerts,
    spool,
    findings,
  };
}

const ignore = () => {};

function noDatabase(isAsked: boolean): string {
  const why = isAsked ? 'not examined (option --producer)' : 'none is set, so only what a producer needs is examined';
  return isAsked ? why : `${why}; a consumer needs LOGHIVE_DATABASE_URL`;
}

function firstSet(environment: Environment, variables: readonly string[]): string | undefined {
  return variables.map((name) => environment(name)?.text).find(Boolean);
}

/** Of several groups of variables, the first one that is set counts. */
function originOf(environment: Environment, groups: ReadonlyArray<readonly string[]>): string {
  for (const [first = '', ...others] of groups) {
    const setting = environment(first);
    if (!setting?.text) continue;
    const more = others.map((name) => environment(name)).filter((each) => each?.text);
    return [setting, ...more].map((each) => each!.where).join(', ');
  }
  return 'default';
}

/** Everything else that is set: `QUEUE_MAX_SIZE = 5000 (environment)`. */
function* otherSettings(environment: Environment): Iterable<readonly [string, Verdict]> {
  const table: Record<string, Option<unknown>> = { ...consumerOptions };
  for (const [name, option] of Object.entries(table)) {
    const setting = OWN_LINES.has(name) ? undefined : usedSetting(option, environment);
    if (setting === undefined) continue;
    const { parse, show = shown } = option;
    const value = show === kindOf ? '***' : show(parse ? parse(setting.text) : setting.text);
    const [, own, variable = '', file] = /^(?:environment variable (\w+)|(\w+) in (.*))$/s.exec(setting.where) ?? [];
    yield ['setting', ok(`${own ?? variable} = ${value} (${file ?? 'environment'})`)];
  }
}
