/** How well a consumer is, and why. Pure. */
import type { ConnectionStatus } from '../src/amqp/connection.js';
import { asSentence } from '../src/sentence.js';
import type { HealthReason } from './health-reasons.js';
import type { ConsumerStatus, Health, WorkerStatus } from './status.js';

/** A queue with so much of its limit refuses what is published soon. */
const FULL_SHARE = 0.8;
/** Of the time after which the broker drops a message that nobody has taken. */
const OLD_SHARE = 0.5;
/** How long PostgreSQL may take for a batch before that is worth a word, in milliseconds. */
const SLOW_WRITE_MS = 10_000;
const MOST_NAMED = 5;

/** A reason and its sentence. */
type Reason = readonly [kind: HealthReason, sentence: string];

export interface Condition {
  readonly health: Health;
  readonly reasons: readonly string[];
  readonly kinds: readonly HealthReason[];
}

/** Pure. */
export function healthOf(
  status: Pick<ConsumerStatus, Faulty | 'queues' | 'queueMessageTtlMs' | 'lag' | 'notices'>,
  nowMs: number,
): Condition {
  const faults = faultsOf(status);
  const concerns: Reason[] = [
    ...idleWorkers(status).map((sentence) => ['idle-workers', sentence] as const),
    ...slowWrite(status, nowMs).map((sentence) => ['slow-write', sentence] as const),
    ...fullQueues(status).map((sentence) => ['full-queue', sentence] as const),
    ...oldRecords(status).map((sentence) => ['old-record', sentence] as const),
    ...status.notices.map((sentence) => ['notice', sentence] as const),
  ];
  const all = [...faults, ...concerns];
  return {
    health: faults.length > 0 ? 'unhealthy' : concerns.length > 0 ? 'degraded' : 'ok',
    reasons: all.map(([, sentence]) => asSentence(sentence)),
    kinds: [...new Set(all.map(([kind]) => kind))],
  };
}

type Faulty = 'state' | 'reason' | 'broker' | 'storage' | 'workers';

/** Why nothing is stored now. */
function faultsOf(status: Pick<ConsumerStatus, Faulty>): Reason[] {
  const { state, reason, storage, workers } = status;
  if (state === 'stopping' || state === 'stopped' || state === 'created')
    return [['not-running', `the consumer is ${state}`]];
  const problem = brokerProblem(status);
  const faults: Reason[] = problem ? [problem] : [];
  if (state !== 'running' || !storage.isUp) {
    const what = state === 'preparing' ? 'the consumer is being started' : 'PostgreSQL cannot store records now';
    faults.push(['storage-down', `${what}: ${reason ?? storage.reason ?? 'it is not known yet why'}`]);
  } else if (!workers.some(isWorking) && faults.length === 0)
    faults.push(['no-worker', 'no worker takes messages now']);
  return faults;
}

/** Pure. Messages can be taken over at least one connection. */
export function isConnected({ workers }: Pick<ConsumerStatus, 'workers'>): boolean {
  return workers.some(({ broker }) => broker.state === 'ready');
}

/** The notices say why each queue is refused. */
const NO_QUEUE = 'no messages can be taken from any queue. See the notices at /status';

/** Pure. Why the broker gives no messages. */
export function brokerProblem(status: Pick<ConsumerStatus, 'state' | 'broker' | 'workers'>): Reason | undefined {
  if (!isConnected(status)) return ['broker-away', brokerFault(status.broker)];
  return hasNoQueue(status) ? ['no-queue', NO_QUEUE] : undefined;
}

/** Every connected worker is refused by all of its queues. */
function hasNoQueue({ state, workers }: Pick<ConsumerStatus, 'state' | 'workers'>): boolean {
  const connected = workers.filter((worker) => worker.state === 'running' && worker.broker.state === 'ready');
  return state === 'running' && connected.length > 0 && connected.every(isRefused);
}

function isRefused({ queues: { taken, refused } }: WorkerStatus): boolean {
  return taken === 0 && refused > 0;
}

function isWorking(worker: WorkerStatus): boolean {
  return worker.state === 'running' && worker.broker.state === 'ready' && !isRefused(worker);
}

function idleWorkers({ state, workers, storage }: Pick<ConsumerStatus, 'state' | 'workers' | 'storage'>): string[] {
  const working = workers.filter(isWorking).length;
  if (state !== 'running' || working === 0 || working === workers.length) return [];
  const reason = workers.find(({ state: each }) => each === 'paused')?.reason;
  const count = `${workers.length - working} of ${workers.length} workers take no messages now`;
  // While storage is down the reason stands among the faults already.
  return [reason === undefined || !storage.isUp ? count : `${count}: ${reason}`];
}

/** Of a connection that is not ready. */
function brokerFault({ state, lastError }: ConnectionStatus): string {
  if (state === 'blocked') return 'the broker blocks this connection: its memory or disk is short';
  return `there is no connection to RabbitMQ${lastError === undefined ? ' yet' : `: ${lastError}`}`;
}

function slowWrite({ storage }: Pick<ConsumerStatus, 'storage'>, nowMs: number): string[] {
  const ms = nowMs - (storage.writingSinceMs ?? nowMs);
  if (ms < SLOW_WRITE_MS) return [];
  return [
    `PostgreSQL has been writing one batch for ${Math.round(ms / 1000)} s. See what it waits for (a lock, its disk)`,
  ];
}

function fullQueues({ queues }: Pick<ConsumerStatus, 'queues'>): string[] {
  const full = queues.filter(({ share = 0 }) => share >= FULL_SHARE);
  const told = full.slice(0, MOST_NAMED).map(({ queue, messages, share = 0 }) => {
    const percent = Math.floor(share * 100);
    return `queue "${queue}" is ${percent} % full (${messages} messages). A full queue refuses what producers send: see why records are not stored as fast as they come, or raise its limit`;
  });
  return told.concat(more(full.length, 'queues are as full'));
}

function oldRecords({ lag, queueMessageTtlMs: ttlMs }: Pick<ConsumerStatus, 'lag' | 'queueMessageTtlMs'>): string[] {
  const old = lag.filter(({ oldestAgeS }) => oldestAgeS * 1000 >= ttlMs * OLD_SHARE);
  const told = old
    .slice(0, MOST_NAMED)
    .map(
      ({ service, oldestAgeS }) =>
        `the oldest record of service ${service} in hand was published ${duration(oldestAgeS)} ago, and the broker drops records after ${duration(ttlMs / 1000)}`,
    );
  return told.concat(more(old.length, 'services have records as old'));
}

function more(count: number, what: string): string[] {
  return count > MOST_NAMED ? [`${count - MOST_NAMED} more ${what}`] : [];
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const;

function duration(seconds: number): string {
  const [size, unit] = UNITS.find(([each]) => seconds >= each) ?? ([1, 's'] as const);
  return `${Math.round((seconds / size) * 10) / 10} ${unit}`;
}
