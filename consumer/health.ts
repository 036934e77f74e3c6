/** The health of a consumer, and the reasons for it. Pure. */
import type { ConnectionStatus } from '../src/amqp/connection.js';
import { asSentence } from '../src/sentence.js';
import type { ConsumerStatus, Health, HealthReason, WorkerStatus } from './status.js';

/** Fraction of its limit at which a queue is reported as nearly full. */
const FULL_SHARE = 0.8;
/** Fraction of the message TTL at which a waiting record is reported as old. */
const OLD_SHARE = 0.5;
/** How long a batch is being written before that is reported, in milliseconds. */
const SLOW_WRITE_MS = 10_000;
const MAX_NAMED = 5;

/** A kind of reason and its text. */
type Reason = readonly [kind: HealthReason, sentence: string];

export interface Condition {
  readonly health: Health;
  readonly reasons: readonly string[];
  readonly kinds: readonly HealthReason[];
}

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

/** Why nothing is being stored. */
function faultsOf(status: Pick<ConsumerStatus, Faulty>): Reason[] {
  const { state, reason, storage, workers } = status;
  if (state === 'stopping' || state === 'stopped' || state === 'created')
    return [['not-running', `the consumer is ${state}`]];
  const problem = brokerProblem(status);
  const faults: Reason[] = problem ? [problem] : [];
  if (state !== 'running' || !storage.isUp) {
    const what = state === 'preparing' ? 'the consumer is starting' : 'PostgreSQL cannot store records now';
    faults.push(['storage-down', `${what}: ${reason ?? storage.reason ?? 'the reason is not known yet'}`]);
  } else if (!workers.some(isWorking) && faults.length === 0)
    faults.push(['no-worker', 'no worker is consuming messages']);
  return faults;
}

/** Whether at least one worker has a connection that messages can be consumed on. */
export function isConnected({ workers }: Pick<ConsumerStatus, 'workers'>): boolean {
  return workers.some(({ broker }) => broker.state === 'ready');
}

/** The notices contain the reason for each refused queue. */
const NO_QUEUE = 'no queue can be consumed from. See the notices at /status';

/** Why no messages can be consumed from the broker. */
export function brokerProblem(status: Pick<ConsumerStatus, 'state' | 'broker' | 'workers'>): Reason | undefined {
  if (!isConnected(status)) return ['broker-away', brokerFault(status.broker)];
  return hasNoQueue(status) ? ['no-queue', NO_QUEUE] : undefined;
}

/** Whether the broker refuses every connected worker all of its queues. */
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
  const count = `${workers.length - working} of ${workers.length} workers are not consuming messages`;
  // While storage is down, its reason is already among the faults.
  return [reason === undefined || !storage.isUp ? count : `${count}: ${reason}`];
}

/** Describes a connection that is not ready. */
function brokerFault({ state, lastError }: ConnectionStatus): string {
  if (state === 'blocked') return 'the broker has blocked this connection because it is low on memory or disk space';
  return `not connected to RabbitMQ${lastError === undefined ? ' yet' : `: ${lastError}`}`;
}

function slowWrite({ storage }: Pick<ConsumerStatus, 'storage'>, nowMs: number): string[] {
  const ms = nowMs - (storage.writingSinceMs ?? nowMs);
  if (ms < SLOW_WRITE_MS) return [];
  return [
    `PostgreSQL has been writing one batch for ${Math.round(ms / 1000)} s. Check what it is waiting for (a lock, its disk)`,
  ];
}

function fullQueues({ queues }: Pick<ConsumerStatus, 'queues'>): string[] {
  const full = queues.filter(({ share = 0 }) => share >= FULL_SHARE);
  const named = full.slice(0, MAX_NAMED).map(({ queue, messages, share = 0 }) => {
    const percent = Math.floor(share * 100);
    return `queue "${queue}" is ${percent} % full (${messages} messages). A full queue rejects messages from producers. Find out why records are not stored as fast as they arrive`;
  });
  return named.concat(more(full.length, 'queues are this full'));
}

function oldRecords({ lag, queueMessageTtlMs: ttlMs }: Pick<ConsumerStatus, 'lag' | 'queueMessageTtlMs'>): string[] {
  const old = lag.filter(({ oldestAgeS }) => oldestAgeS * 1000 >= ttlMs * OLD_SHARE);
  const named = old
    .slice(0, MAX_NAMED)
    .map(
      ({ service, oldestAgeS }) =>
        `the oldest unacknowledged record of service ${service} was published ${duration(oldestAgeS)} ago, and the broker drops records after ${duration(ttlMs / 1000)}`,
    );
  return named.concat(more(old.length, 'services have records this old'));
}

function more(count: number, what: string): string[] {
  return count > MAX_NAMED ? [`${count - MAX_NAMED} more ${what}`] : [];
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
