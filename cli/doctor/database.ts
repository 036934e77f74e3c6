/** The steps of `loghive doctor` for PostgreSQL. */
import { databaseHosts, type Inspection, openInspection } from '../../consumer/store/index.js';
import type { StoreSettings } from '../../consumer/store-settings.js';
import { judgeClock } from './clock.js';
import {
  judgeDefaultPartition,
  judgePartitions,
  judgePooling,
  judgePrivileges,
  judgeSchema,
  judgeServer,
  judgeStoring,
} from './judge-database.js';
import { addressText, networkSteps } from './network.js';
import type { Step } from './steps.js';
import { failedWith, ok, type Verdict } from './verdict.js';

/** In milliseconds, less than the limit of a step, so that the messages say which part was slow. */
const CONNECT_MS = 5000;
const STATEMENT_MS = 5000;

export interface DatabaseOptions {
  readonly store: StoreSettings;
  readonly hasRetention: boolean;
  /** Receives the open connection. */
  readonly onOpen: (inspection: Inspection) => void;
}

export function databaseSteps({ store, hasRetention, onOpen }: DatabaseOptions): Step[] {
  const { schema } = store;
  const hosts = databaseHosts(store.databaseUrl);
  const server = hosts.map(addressText).join();
  let opened: Inspection | undefined;
  let where = { schema, user: '', database: '' };
  const inspection = () => opened!;

  async function logIn(signal: AbortSignal): Promise<Verdict> {
    const limits = {
      connectTimeoutMs: CONNECT_MS,
      statementTimeoutMs: STATEMENT_MS,
      writeTimeoutMs: STATEMENT_MS + 1000,
    };
    try {
      opened = await openInspection({ ...store, ...limits }, signal);
    } catch (error) {
      return failedWith(error, 'See the log of PostgreSQL.');
    }
    onOpen(opened);
    return ok('accepted, and the server takes writes');
  }

  async function judgeVersion(): Promise<Verdict[]> {
    const facts = await inspection().server();
    where = { schema, user: facts.user, database: facts.database };
    return judgeServer(facts);
  }

  async function readClock(): Promise<Verdict> {
    const beforeMs = Date.now();
    const serverMs = await inspection().nowMs();
    return judgeClock(server, { beforeMs, afterMs: Date.now(), serverMs, resolutionMs: 1 });
  }

  const after = (needs: readonly string[], name: string, run: Step['run'], limitMs?: number): Step => ({
    name,
    needs,
    server,
    run,
    ...(limitMs === undefined ? {} : { limitMs }),
  });
  let found: ReturnType<Inspection['partitions']> | undefined;
  const partitions = () => (found ??= inspection().partitions(Date.now()));
  return [
    // Of several hosts, one is enough.
    ...(hosts.length === 1 ? networkSteps(hosts[0]!) : []),
    after(['name', 'TCP'], 'login', logIn, hosts.length * CONNECT_MS + 3000),
    after(['login'], 'pooler', async () => judgePooling(await inspection().pooling())),
    after(['pooler'], 'version', judgeVersion),
    after(['pooler'], 'clock', readClock),
    after(['version'], 'schema', async () => judgeSchema(await inspection().schema(), where)),
    after(['schema'], 'privileges', async () => judgePrivileges(await inspection().privileges(), where, hasRetention)),
    after(['privileges'], 'storing', async () => judgeStoring(await inspection().refusal())),
    after(['privileges'], 'partitions', async () => judgePartitions(await partitions())),
    after(['privileges'], 'default rows', async () => judgeDefaultPartition(await partitions())),
  ];
}
