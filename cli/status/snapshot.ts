/** Collects what `loghive status` shows. A part that cannot be read says why; the others are shown. */
import { administrationConfig } from '../../consumer/administration-config.js';
import { queuesOf } from '../../consumer/build-status.js';
import { type CommandConnection, openCommandConnection } from '../../consumer/command-connection.js';
import { QueueDepths } from '../../consumer/queue-depths.js';
import { type Administration, type DatabaseOverview, openAdministration } from '../../consumer/store/index.js';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { type SpoolFile, spoolFiles } from '../../src/publisher/spool/inventory.js';
import { maskUrlsIn } from '../../src/settings/mask-url.js';
import { within } from '../../src/time/time-limit.js';
import { laneOf, SERVICE_NAME } from '../../src/wire.js';
import { askConsumer, type ConsumerAnswer, type SilentConsumer } from './consumers.js';
import { type QueueRow, queueRows, type Reading } from './rates.js';
import type { StatusSettings } from './settings.js';

/** What was found, or why not. */
export type Part<T> = T | { readonly fault: string };

export interface DatabaseSummary extends DatabaseOverview {
  readonly partitions: number;
  /** Of the table of records with its indexes; the number of rows is an estimate. */
  readonly bytes: number;
  readonly rows: number;
  /** As far as this machine's settings say. Null: forever. */
  readonly retentionDays: number | null;
}

export interface SpoolSummary {
  readonly service: string;
  /** Left by processes that have ended, and those of running ones. */
  readonly waiting: number;
  readonly inUse: number;
  readonly bytes: number;
  readonly oldest: string | null;
}

export interface Snapshot {
  readonly at: string;
  readonly queues: Part<{ readonly rows: readonly QueueRow[] }>;
  readonly consumers: ReadonlyArray<ConsumerAnswer | SilentConsumer>;
  /** Undefined: no database is configured. */
  readonly database: Part<DatabaseSummary> | undefined;
  readonly spool: Part<{ readonly dir: string; readonly services: readonly SpoolSummary[] }> | undefined;
}

export interface StatusSource {
  /** Rates are those since the reading before. */
  read(): Promise<Snapshot>;
  close(): Promise<void>;
}

const PART_MS = 8000;
/** Queues are read one after the other, and there may be thousands. */
const QUEUES_MS = 60_000;

export function openStatusSource(settings: StatusSettings): StatusSource {
  const ended = new AbortController();
  let connection: CommandConnection | undefined;
  let tables: Administration | undefined;
  let before: Reading | undefined;

  async function openedConnection() {
    connection ??= openCommandConnection(settings.broker, 'status');
    try {
      return await connection.opened();
    } catch (error) {
      // It does not repeat a first attempt.
      const failed = connection;
      connection = undefined;
      await failed.close();
      throw error;
    }
  }

  async function readQueues(
    services: readonly string[],
    consumers: Snapshot['consumers'],
  ): Promise<Snapshot['queues']> {
    const open = await openedConnection();
    const depths = new QueueDepths({
      openConnection: () => open,
      queues: () => queuesOf(services, settings.retryDelaysMs),
      roundMs: 0,
      answerMs: 1000,
      signal: ended.signal,
    });
    await depths.read();
    const answers = consumers.filter((each) => 'done' in each);
    const current = {
      depths: depths.all,
      done: new Map(answers.map(({ url, done }) => [url, done])),
      atMs: Date.now(),
    };
    const limitOf = (queue: string) => (laneOf(queue) === undefined ? undefined : settings.queues.maxLength);
    const rows = queueRows(current, before, limitOf);
    before = current;
    return { rows };
  }

  async function readDatabase(): Promise<DatabaseSummary> {
    tables ??= openAdministration(administrationConfig('status', settings.database!));
    const [overview, partitions] = [await tables.overview(), await tables.partitions(false)];
    const sum = (of: (each: (typeof partitions)[number]) => number) =>
      partitions.reduce((total, each) => total + of(each), 0);
    return {
      ...overview,
      partitions: partitions.length,
      bytes: sum(({ bytes }) => bytes),
      rows: sum(({ rows }) => rows),
      retentionDays: settings.retentionDays ?? null,
    };
  }

  async function knownServices(consumers: Snapshot['consumers']): Promise<readonly string[]> {
    if (settings.services.length > 0) return settings.services;
    const taken = consumers.flatMap((each) => ('status' in each ? each.status.services : []));
    const found = await part(async () => ({ names: (await tables?.services.all()) ?? [] }));
    const stored = 'names' in found ? found.names.map(({ service }) => service) : [];
    return [...new Set([...taken, ...stored])].filter((name) => SERVICE_NAME.test(name)).sort();
  }

  return {
    async read() {
      const [consumers, database, spool] = await Promise.all([
        Promise.all(settings.consumers.map(askConsumer)),
        settings.database && part(readDatabase),
        settings.spoolDir === undefined ? undefined : part(() => spoolOf(settings.spoolDir!)),
      ]);
      const services = await knownServices(consumers);
      const queues = await part(() => readQueues(services, consumers), QUEUES_MS);
      return { at: new Date().toISOString(), queues, consumers, database, spool };
    },
    async close() {
      ended.abort();
      await Promise.all([connection?.close(), tables?.close()]);
    },
  };
}

async function part<T extends object>(read: () => Promise<T>, limitMs = PART_MS): Promise<Part<T>> {
  const reading = read().catch((error) => ({ fault: faultText(error) }));
  if (await within(limitMs, reading)) return reading;
  return { fault: `no answer within ${limitMs / 1000} s` };
}

function faultText(error: unknown): string {
  if (!(error instanceof LoghiveError)) return maskUrlsIn(reasonOf(error));
  // This command does not wait for that.
  return error.message.replace(/ Loghive tries again, .*$/s, '');
}

async function spoolOf(dir: string) {
  const files: SpoolFile[] = [];
  // What cannot be read is up to `loghive doctor`.
  for await (const file of spoolFiles(dir, { onFault: () => {} })) files.push(file);
  return { dir, services: spoolSummaries(files) };
}

/** Services with records on disk. Pure. */
export function spoolSummaries(files: readonly SpoolFile[]): SpoolSummary[] {
  const services = [...new Set(files.map(({ service }) => service))];
  return services.flatMap((service) => {
    const own = files.filter((file) => file.service === service);
    const count = (isInUse: boolean) =>
      own.reduce((sum, file) => sum + (file.isInUse === isInUse ? file.records : 0), 0);
    const [waiting, inUse] = [count(false), count(true)];
    if (waiting + inUse === 0) return [];
    const oldestS = Math.min(...own.map((file) => file.oldestS ?? Number.POSITIVE_INFINITY));
    const oldest = Number.isFinite(oldestS) ? new Date(oldestS * 1000).toISOString() : null;
    return [{ service, waiting, inUse, bytes: own.reduce((sum, { bytes }) => sum + bytes, 0), oldest }];
  });
}
