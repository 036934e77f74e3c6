/** Faults of RabbitMQ, and of a consumer's queues and permissions. */
import { expect, test } from 'vitest';
import { startRabbitmq } from '../../support/rabbitmq.mjs';
import { beside, onEnd, type TestBroker, uniqueName, useBroker, useDatabase } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { checkFault, type Fault } from './check-fault.js';
import { type Stage, useStage } from './stage.js';

const CONNECTED = /INFO connected to RabbitMQ [\d.]+ at /;
const BROKER_DOWN = { loghive_broker_connected: 0 };

type OfNode = Omit<Fault, 'begin' | 'series' | 'over'> & {
  readonly begin: (node: Awaited<ReturnType<typeof startRabbitmq>>) => Promise<() => Promise<unknown>>;
};

const NODE_FAULTS: OfNode[] = [
  {
    name: 'RabbitMQ is dead, by SIGKILL',
    checks: { broker: /not connected to RabbitMQ: .*127\.0\.0\.1:\d+/ },
    warning: /WARNING .*127\.0\.0\.1:\d+/,
    async begin(node) {
      await node.sync();
      await node.kill('SIGKILL');
      return () => node.start();
    },
  },
  {
    name: 'RabbitMQ stands still, by SIGSTOP',
    checks: { broker: /not connected to RabbitMQ: .*127\.0\.0\.1:\d+/ },
    warning: /WARNING .*127\.0\.0\.1:\d+/,
    async begin(node) {
      await node.pause();
      onEnd(() => node.pid && node.resume());
      return async () => node.resume();
    },
  },
];

test.concurrent.for(NODE_FAULTS)(
  'nothing is lost, and the consumer reports it, while $name',
  { timeout: 180_000 },
  beside(async ({ begin, ...fault }: OfNode) => {
    const node = await startRabbitmq();
    onEnd(() => node.stop());
    const { url } = await useDatabase();
    const stage = await useStage({ brokerUrl: node.url, databaseUrl: url });
    await checkFault(stage, { ...fault, begin: () => begin(node), over: CONNECTED, series: BROKER_DOWN });
  }),
);

test.concurrent(
  'nothing is lost, and the consumer reports it, while its user may not read the queues',
  { timeout: 120_000 },
  beside(async () => {
    const [broker, { url }] = await Promise.all([useBroker(), useDatabase()]);
    const user = uniqueName('user');
    const brokerUrl = await broker.admin.addUser(user, 'pw', { vhost: broker.vhost });
    onEnd(() => broker.admin.deleteUser(user));
    const stage = await useStage({ brokerUrl, databaseUrl: url });
    await checkFault(stage, {
      name: '',
      checks: { broker: /no queue can be consumed from\. See the notices/ },
      // Each queue of the service has its own.
      mostWarnings: 12,
      warning: /cannot consume from queue "svc_\w+": .*Grant the user "read" on it/,
      over: /INFO queue "svc_\w+_info_logs" can be consumed from again/,
      series: {},
      async begin() {
        await broker.admin.setPermissions(user, broker.vhost, { read: '^(?!svc_).*$' });
        await broker.closeConnections();
        return () => broker.admin.setPermissions(user, broker.vhost, {});
      },
    });
  }),
);

/** Faults that end before a probe could see them: they are logged, nothing is lost, and no trace is left. */
interface Moment {
  readonly name: string;
  readonly begin: (stage: Stage, broker: TestBroker) => Promise<unknown>;
  readonly warning: RegExp;
  readonly over: RegExp;
}

const MOMENTS: Moment[] = [
  {
    name: 'its connections are closed by an operator',
    begin: (_, broker) => broker.closeConnections(),
    warning: /WARNING .*closed by a test/,
    over: CONNECTED,
  },
  {
    name: 'its queues are deleted',
    async begin(stage, broker) {
      for (const level of ['info', 'error']) {
        await broker.admin.deleteQueue(`${stage.service}_${level}_logs`, broker.vhost);
      }
    },
    warning:
      /WARNING the broker canceled the subscription to queue "svc_\w+_info_logs": the queue was deleted, .*\. Loghive declares it and subscribes again/,
    over: /INFO consuming from queue "svc_\w+_info_logs" again/,
  },
];

test.concurrent.for(MOMENTS)(
  'nothing is lost, and the consumer reports it, when $name',
  { timeout: 60_000 },
  beside(async ({ begin, warning, over }: Moment) => {
    const [broker, { url }] = await Promise.all([useBroker(), useDatabase()]);
    const stage = await useStage({ brokerUrl: broker.url, databaseUrl: url });
    const { consumer } = stage;
    await stage.started();
    stage.log(10);
    await stage.allStoredOnce();
    for (let round = 0; round < 3; round++) {
      const from = consumer.lines.length;
      await begin(stage, broker);
      stage.log(10);
      await consumer.waitForLine(warning, 30_000, { from });
      await consumer.waitForLine(over, 30_000, { from });
      await stage.allStoredOnce();
      await eventually(async () => expect((await stage.status()).reasons).toEqual([]), { withinMs: 45_000 });
      expect(await stage.probe('/readyz')).toEqual({ status: 200, reasons: {} });
      // Those of two workers, each with two connections or two queues, and of the queue monitoring.
      expect(consumer.lines.length - from).toBeLessThanOrEqual(10);
    }
    await stage.end();
  }),
);

test.concurrent(
  'nothing is lost or stored twice, and the consumer reports it, when RabbitMQ closes the channel over messages unacknowledged for too long',
  { timeout: 120_000 },
  beside(async () => {
    const node = await startRabbitmq();
    onEnd(() => node.stop());
    await node.setConsumerTimeout(1000);
    const { url } = await useDatabase();
    const stage = await useStage({ brokerUrl: node.url, databaseUrl: url });
    await stage.started();
    const locker = await stage.connection();
    await locker.query('begin; lock table logs.records in access exclusive mode');
    stage.log(10);
    await stage.consumer.waitForLine(/WARNING the channel was closed: .*timed out.* It will be reopened/, 30_000);
    await locker.query('rollback');
    stage.log(10);
    await stage.allStoredOnce();
    await eventually(async () => expect((await stage.status()).reasons).toEqual([]), { withinMs: 45_000 });
    expect(await stage.probe('/readyz')).toEqual({ status: 200, reasons: {} });
    await stage.end();
  }),
);
