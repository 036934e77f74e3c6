/** The steps of `loghive doctor` for the exchange and the queues. */
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import {
  delayQueue,
  failureQueue,
  LOGS_EXCHANGE,
  logQueues,
  majorVersion,
  type QueueDeclaration,
  SERVICES,
} from '../../src/wire.js';
import { type Circumstances, judgeExchange, judgePublishing, judgeQueues } from './judge-queues.js';
import { lookAtExchange, lookAtQueue, type QueueFacts } from './look-at-queues.js';
import type { Published } from './publish-once.js';
import type { Step } from './steps.js';
import { failed, note, ok, type Verdict } from './verdict.js';

export interface TopologyOptions {
  readonly server: string;
  readonly connection: OpenConnection;
  readonly published: Published | undefined;
  readonly about: Circumstances;
  readonly services: readonly string[];
  readonly retryDelaysMs: readonly number[];
  /** Receives each queue of records. */
  readonly onQueue: (facts: QueueFacts) => void;
}

/** The queues of further services are not examined: it would take too long. */
const MAX_SERVICES = 50;
const SERVICE_MS = 15_000;

export function topologySteps(options: TopologyOptions): Step[] {
  const { server, connection, published, about, services, retryDelaysMs, onQueue } = options;
  const { settings, serverVersion, role } = about;
  const examine = async (declarations: readonly QueueDeclaration[], onEach?: (facts: QueueFacts) => void) => {
    const found: QueueFacts[] = [];
    for (const declaration of declarations) {
      const facts = await lookAtQueue(connection, declaration);
      found.push(facts);
      onEach?.(facts);
    }
    return judgeQueues(found, about);
  };
  const ofService = (service: string): Step => ({
    name: `queues of ${service}`,
    server,
    limitMs: SERVICE_MS,
    run: () => examine(logQueues(service, settings, serverVersion), onQueue),
  });
  const retries = [
    failureQueue(settings.type, settings, serverVersion),
    ...retryDelaysMs.map((delayMs) => delayQueue(delayMs, settings.type, serverVersion)),
  ];
  return [
    { name: 'version', run: async () => judgeVersion(connection) },
    {
      name: 'exchange',
      server,
      run: async () => judgeExchange(await lookAtExchange(connection, LOGS_EXCHANGE), about),
    },
    { name: 'publishing', run: async () => judgePublishing(published, about) },
    ...services.slice(0, MAX_SERVICES).map(ofService),
    { name: 'announcements', server, run: () => examine([SERVICES]) },
    ...(role === 'consumer' ? [{ name: 'retries', server, limitMs: SERVICE_MS, run: () => examine(retries) }] : []),
    { name: 'not known', run: async () => unseen(services) },
  ];
}

const OLDEST = [3, 10] as const;

/** Pure. */
function judgeVersion({ serverProduct, serverVersion }: OpenConnection): Verdict {
  if (serverProduct !== 'RabbitMQ') return note(`${serverProduct} ${serverVersion}, not RabbitMQ`);
  const [, minor = 0] = serverVersion.split('.').map(Number);
  const major = majorVersion(serverVersion);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (isOld) return failed(`RabbitMQ ${serverVersion} is not supported`, `Upgrade to ${OLDEST.join('.')} or newer.`);
  return ok(`RabbitMQ ${serverVersion}`);
}

/** What AMQP does not show. Pure. */
function unseen(services: readonly string[]): Verdict[] {
  const verdicts = [
    note(
      'AMQP shows neither policies nor free disk space, memory and file descriptors: run rabbitmqctl list_policies and rabbitmq-diagnostics status on the node',
    ),
  ];
  if (services.length === 0)
    verdicts.unshift(note('no service is known, so no queues of records were examined: name one'));
  if (services.length > MAX_SERVICES) {
    verdicts.unshift(note(`only ${MAX_SERVICES} of ${services.length} services were examined: name the others`));
  }
  return verdicts;
}
