/** The steps of `loghive doctor` for one host of the broker: reach it, log in, publish, read its clock. */
import { isVhostRefusal, NO_HANDSHAKE } from '../../src/amqp/connect-fault.js';
import { connectTo, type OpenConnection } from '../../src/amqp/open-connection.js';
import { ask } from '../../src/amqp/throwaway-channel.js';
import type { BrokerConfig } from '../../src/config.js';
import { LoghiveError } from '../../src/errors.js';
import { type BrokerHost, hostAndPort } from '../../src/settings/broker-url.js';
import { LOGS_EXCHANGE } from '../../src/wire.js';
import { type ClockReading, judgeClock } from './clock.js';
import { NO_KEY } from './look-at-queues.js';
import { networkSteps, speaksTls, tlsStep } from './network.js';
import { type Published, publishOnce } from './publish-once.js';
import { addVhost, grantVhost } from './rabbitmqctl.js';
import type { Step } from './steps.js';
import { failed, failedWith, note, ok, type Verdict } from './verdict.js';

/** A connection to this host, for one purpose. */
export interface BrokerAccess {
  readonly host: BrokerHost;
  /** The connection of the step `login`; undefined if it failed. */
  readonly connection: OpenConnection | undefined;
  /** What came of a message to nobody; undefined if it was not sent. */
  readonly published: Published | undefined;
}

const ANSWER_MS = 4000;

/** @param onAccess receives what the steps found, as soon as it is known. */
export function brokerSteps(
  host: BrokerHost,
  config: BrokerConfig,
  open: (host: BrokerHost, signal: AbortSignal) => Promise<OpenConnection>,
  onAccess: (access: Partial<BrokerAccess>) => void,
): Step[] {
  const address = { host: host.hostname, port: host.port };
  const server = hostAndPort(host);
  let vhostFault: unknown;

  async function logIn(signal: AbortSignal): Promise<Verdict> {
    try {
      const connection = await open(host, signal);
      onAccess({ connection });
      return ok(`user ${host.username}, ${connection.serverProduct} ${connection.serverVersion}`);
    } catch (error) {
      if (isVhostRefusal(error)) {
        vhostFault = error;
        return ok(`user ${host.username}`);
      }
      const mayBeTls = host.protocol === 'amqp' && !isTimeout(error);
      return loginFault(error, host, mayBeTls && (await speaksTls(address)));
    }
  }

  async function readAlarms(signal: AbortSignal): Promise<Verdict> {
    const publishing = await open(host, signal);
    const message = { exchange: LOGS_EXCHANGE, routingKey: NO_KEY, content: Buffer.alloc(0) };
    const published = await publishOnce(publishing, message, ANSWER_MS / 2);
    onAccess({ published });
    return judgeAlarms(server, published);
  }

  const vhost = async () => (vhostFault === undefined ? ok(host.vhost) : judgeVhost(vhostFault, host));
  return [
    ...networkSteps(address),
    ...(host.protocol === 'amqps'
      ? [
          tlsStep({
            ...address,
            options: { ...config.tls },
            names: { ca: 'cacertfile in the query of the URL', certificate: 'certfile and keyfile there' },
          }),
        ]
      : []),
    { name: 'login', needs: ['TCP', 'TLS'], server, run: logIn },
    { name: 'vhost', needs: ['login'], run: vhost },
    { name: 'alarms', needs: ['vhost'], server, run: readAlarms },
    // It publishes, which an alarm does not allow.
    { name: 'clock', needs: ['alarms'], server, run: async (signal) => readClock(server, await open(host, signal)) },
  ];
}

/** Opens connections for `brokerSteps`, and closes all of them at the end. */
export function connectionsTo(config: BrokerConfig) {
  const opened: OpenConnection[] = [];
  const patient = { ...config, socketTimeoutMs: Math.min(config.socketTimeoutMs, ANSWER_MS) };
  return {
    async open(host: BrokerHost, signal: AbortSignal): Promise<OpenConnection> {
      const options = { connectionName: `loghive doctor ${process.pid}`, keepsProcessAlive: true, signal };
      const connection = await connectTo(host, patient, options);
      // A lost connection also rejects the request in progress.
      connection.model.on('error', () => {});
      opened.push(connection);
      return connection;
    },
    close() {
      for (const connection of opened) connection.destroy(new Error('closed'));
    },
  };
}

/** Pure. */
export function loginFault(error: unknown, host: BrokerHost, isTlsPort: boolean): Verdict {
  const server = hostAndPort(host);
  if (isTlsPort) {
    return failed(`${server} expects TLS, but the URL says amqp://`, 'Write amqps:// in the broker URL.');
  }
  const verdict = failedWith(error, 'See the log of the broker.');
  if (verdict.state !== 'failed' || !isTimeout(error)) return verdict;
  return {
    ...verdict,
    remedy: `${verdict.remedy} A node that has run out of file descriptors behaves like this: see rabbitmq-diagnostics status.`,
  };
}

function isTimeout(error: unknown): boolean {
  return error instanceof LoghiveError && error.message.includes(NO_HANDSHAKE);
}

/** Pure. */
export function judgeVhost(error: unknown, host: BrokerHost): Verdict {
  const remedy = `Correct the vhost, or run ${addVhost(host.vhost)}; ${grantVhost(host)}`;
  return failed(failedWith(error, '').detail, remedy);
}

/** Pure. */
export function judgeAlarms(server: string, { answer, blocked }: Published): Verdict {
  if (blocked !== undefined) {
    return failed(
      `${server} blocks publishers: ${blocked}`,
      'Free memory or disk space on the node; rabbitmq-diagnostics status shows its limits. Producers keep their records meanwhile.',
    );
  }
  if (answer.kind === 'none') {
    return failed(`${server} did not answer a published message`, 'See rabbitmq-diagnostics alarms, and its log.');
  }
  return ok('publishers are not blocked');
}

/**
 * AMQP has no request for the time. But the broker notes it in a message that expires, and gives it back through the
 * dead-letter exchange.
 */
async function readClock(server: string, connection: OpenConnection): Promise<Verdict> {
  let reading: ClockReading | undefined;
  const answer = await ask(
    connection,
    async (channel) => {
      const { queue: back } = await channel.assertQueue('', { exclusive: true });
      let onExpired: (timeS: number | undefined) => void = () => {};
      const expired = new Promise<number | undefined>((resolve) => {
        onExpired = resolve;
      });
      channel.once('close', () => onExpired(undefined));
      await channel.consume(back, (message) => onExpired(deathTimeS(message?.properties.headers)), { noAck: true });
      const { queue } = await channel.assertQueue('', {
        exclusive: true,
        arguments: { 'x-message-ttl': 0, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': back },
      });
      const beforeMs = Date.now();
      channel.sendToQueue(queue, Buffer.alloc(0));
      const timeS = await expired;
      if (timeS !== undefined) {
        reading = { beforeMs, afterMs: Date.now(), serverMs: timeS * 1000, resolutionMs: 1000 };
      }
    },
    ANSWER_MS,
  );
  if (reading !== undefined) return judgeClock(server, reading);
  const reason = answer.ok ? 'the broker does not report it' : answer.text;
  return note(`the time of the broker is unknown: ${reason}`);
}

function deathTimeS(headers: unknown): number | undefined {
  const [death] = (headers as { 'x-death'?: { time?: { value?: unknown } }[] } | undefined)?.['x-death'] ?? [];
  const value = death?.time?.value;
  return typeof value === 'number' ? value : undefined;
}
