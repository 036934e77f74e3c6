/**
 * What `loghive doctor` says about a broker and its queues that are set up wrongly. LOGHIVE_TEST_RABBITMQ=4.3 runs it on
 * that version.
 */
import { connect } from 'amqplib';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { startConsumer } from '../../../consumer/index.js';
import type { RabbitmqServer } from '../../support/rabbitmq.mjs';
import { RABBITMQ_VERSIONS, requireRabbitmqOf } from '../../support/rabbitmq-versions.mjs';
import { makeCa, writePem } from '../../support/tls.mjs';
import { useEnvironment } from '../../support/use-environment.js';
import { onEnd, uniqueName, useDatabase, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { detailOf, examined } from './examine.js';

// Each examines several servers, some of which do not answer.
vi.setConfig({ testTimeout: 60_000 });

const ca = makeCa();
const files = writePem({ ca: ca.cert, otherCa: makeCa({ cn: 'Another CA' }).cert });
const version = process.env.LOGHIVE_TEST_RABBITMQ ?? RABBITMQ_VERSIONS[0]!;

let node: RabbitmqServer;
/** Migrated, with partitions. */
let databaseUrl: string;
/** A vhost with a running consumer of service "shop". */
let healthy: string;

beforeAll(async () => {
  onEnd(() => files.remove());
  node = await requireRabbitmqOf(version, { tls: ca.issue() });
  onEnd(() => node.stop());
  databaseUrl = (await useDatabase()).url;
  healthy = await node.addVhost('healthy');
  const consumer = await startConsumer(['shop'], { url: healthy, databaseUrl, workers: 0 });
  onEnd(() => consumer.stop());
});

async function useVhost(): Promise<{ vhost: string; url: string }> {
  const vhost = uniqueName('vhost');
  onEnd(() => node.deleteVhost(vhost));
  return { vhost, url: await node.addVhost(vhost) };
}

/** A connection of somebody else's, with one channel. */
async function useChannel(url: string) {
  const connection = await connect(url);
  connection.on('error', () => {});
  onEnd(() => connection.close().catch(() => {}));
  return connection.createConfirmChannel();
}

async function useUser(vhost: string, may: { configure?: string; write?: string; read?: string }): Promise<string> {
  const name = uniqueName('user');
  onEnd(() => node.deleteUser(name));
  return node.addUser(name, 'pw-secret', { vhost, ...may });
}

/** The examination of a consumer's set-up at this broker. */
const at = (url: string) => examined({ url, databaseUrl });

test('a set-up that works has no faults, and a record travels the whole way and leaves nothing behind', async () => {
  const { url: database, query } = await useDatabase();
  const url = await node.addVhost(uniqueName('vhost'));
  const consumer = await startConsumer(['shop'], { url, databaseUrl: database, workers: 0 });
  onEnd(() => consumer.stop());
  const result = await examined({ url, databaseUrl: database }, { send: true });
  expect(result.faults).toEqual([]);
  expect(result.findings.filter(({ state }) => state === 'skipped')).toEqual([]);
  expect(detailOf(result, 'record')).toMatch(
    /^a record was in the table \d+ ms after it was published to queue shop_debug_logs; it is removed again$/,
  );
  expect(await query('select count(*)::int as n from logs.records')).toEqual([{ n: 0 }]);
  expect(await query('select count(*)::int as n from logs.dead_letters')).toEqual([{ n: 0 }]);
});

describe('the connection', () => {
  test('a host name that does not exist', async () => {
    const { faults } = await at('amqp://broker.invalid:5672/');
    expect(faults).toEqual([
      expect.stringMatching(/^name: the host name broker\.invalid cannot be resolved \(E\w+\) → Correct the host name/),
    ]);
  });

  test('a port on which nothing listens', async () => {
    const result = await at('amqp://127.0.0.1:1/');
    expect(result.faults).toEqual([
      'TCP: nothing listens at 127.0.0.1:1 (ECONNREFUSED) → Start the server, or correct host and port.',
    ]);
    expect(detailOf(result, 'login')).toBe('"TCP" failed');
  });

  test('a server that accepts the connection and never answers is named', async () => {
    const proxy = await useProxy(node.url);
    proxy.halfOpen();
    const { faults } = await at(proxy.url(node.url));
    expect(faults).toEqual([
      expect.stringMatching(
        /^login: .*127\.0\.0\.1:\d+\S* the server accepted .* did not answer in time → .*file desc/,
      ),
    ]);
  });

  test('TLS to a port without TLS', async () => {
    const { faults } = await at(`amqps://guest:guest@127.0.0.1:${node.port}/`);
    expect(faults).toEqual([
      expect.stringMatching(/^TLS: .* the port does not speak TLS .* → Correct the port, or connect without TLS\.$/),
    ]);
  });

  test('no TLS to a port that needs it', async () => {
    const { faults } = await at(`amqp://guest:guest@127.0.0.1:${node.tlsPort}/`);
    expect(faults).toEqual([
      `login: 127.0.0.1:${node.tlsPort} expects TLS, but the URL says amqp:// → Write amqps:// in the broker URL.`,
    ]);
  });

  test('a certificate of an authority that is not trusted', async () => {
    const { faults } = await at(`amqps://guest:guest@127.0.0.1:${node.tlsPort}/?cacertfile=${files.otherCa}`);
    expect(faults).toEqual([
      expect.stringMatching(
        /^TLS: .* signed by an unknown authority .* → Pass .* in cacertfile in the query of the URL\.$/,
      ),
    ]);
  });

  test('a certificate for another name', async () => {
    const query = `?cacertfile=${files.ca}&server_name_indication=elsewhere.example`;
    const { faults } = await at(`amqps://guest:guest@127.0.0.1:${node.tlsPort}/${query}`);
    expect(faults).toEqual([expect.stringMatching(/^TLS: .* is for another host name: .* → Connect with a name from/)]);
  });

  test('a wrong password', async () => {
    const { faults } = await at(node.url.replace(/guest:guest/, 'guest:wrong-secret'));
    expect(faults).toEqual([expect.stringMatching(/^login: .*refused user "guest" or the password → Correct both/)]);
    expect(faults.join()).not.toContain('wrong-secret');
  });

  test('a vhost that does not exist', async () => {
    const { faults } = await at(node.vhostUrl('nowhere'));
    expect(faults).toEqual([
      expect.stringMatching(
        /^vhost: .* vhost "nowhere": it does not exist, .* → .*rabbitmqctl add_vhost 'nowhere'; rabbitmqctl set_permissions -p 'nowhere' 'guest'/,
      ),
    ]);
  });

  test('an alarm: the broker blocks publishers', async () => {
    await node.setVmWatermark(1);
    onEnd(() => node.setVmWatermark());
    const { faults } = await at(healthy);
    expect(faults).toEqual([
      expect.stringMatching(/^alarms: 127\.0\.0\.1:\d+ blocks publishers: low on memory → Free memory or disk space/),
    ]);
  });

  test('a clock that differs from that of the broker, and of the database', async () => {
    const now = Date.now;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 600_000);
    onEnd(() => clock.mockRestore());
    const { faults } = await at(healthy);
    expect(faults).toHaveLength(2);
    for (const fault of faults) {
      expect(fault).toMatch(/^clock: the clock of 127\.0\.0\.1:\d+ is (599|600) s behind this machine's → Synchronize/);
    }
  });
});

describe('permissions', () => {
  test('to read a temporary queue: without it, the clock is left out, and nothing else', async () => {
    const { vhost } = await useVhost();
    const url = await useUser(vhost, { configure: '.*', write: '.*', read: '^(shop_|logs_exchange|loghive).*' });
    const result = await examined({ url, producer: true });
    expect(detailOf(result, 'clock')).toMatch(/^the time of the broker is unknown: ACCESS_REFUSED/);
    expect(result.faults).toEqual([]);
  });

  test('to write to the exchange', async () => {
    const { vhost } = await useVhost();
    const url = await useUser(vhost, { write: '^shop_.*' });
    const { faults } = await examined({ url, producer: true });
    expect(faults).toEqual([
      expect.stringMatching(
        /^publishing: user user_\w+ may not publish: .*logs_exchange.* → Run rabbitmqctl set_permissions -p '\w+' 'user_\w+' '\^\(logs_exchange\|loghive_services\|shop_\.\+_logs\)\$' .*/,
      ),
      expect.stringMatching(/^announcements: user \w+ may not bind queue loghive_services \(write\) → Run rabbitmqctl/),
    ]);
  });

  test('to declare what does not exist yet', async () => {
    const { vhost } = await useVhost();
    const url = await useUser(vhost, { configure: '^amq\\.' });
    const { faults } = await examined({ url, producer: true });
    expect(faults.map((fault) => fault.replace(/ → Run rabbitmqctl set_permissions .*/, ''))).toEqual([
      expect.stringMatching(/^exchange: exchange logs_exchange does not exist, and user \w+ may not declare it$/),
      expect.stringMatching(
        /^queues of shop: queues shop_debug_logs, shop_info_logs and 3 others: .* may not declare it$/,
      ),
      expect.stringMatching(/^announcements: queue loghive_services: .* may not declare it$/),
    ]);
  });

  test('to consume', async () => {
    const url = await useUser('healthy', { read: '^(logs_exchange|amq\\..*|failure_.*|loghive_.*)$' });
    const { faults } = await at(url);
    expect(faults).toEqual([
      expect.stringMatching(
        /^queues of shop: user \w+ may not consume from queues shop_debug_logs, shop_info_logs and 3 others \(read\) → Run rabbitmqctl set_permissions -p 'healthy' /,
      ),
    ]);
  });

  test('with the permissions of docs/production.md, which the remedy grants, nothing is missing', async () => {
    const url = await useUser('healthy', { configure: '^$', write: '^$', read: '^$' });
    const { faults } = await at(url);
    const granted = faults.map((fault) => /set_permissions -p '\S+' '\S+' '(.+)' '(.+)' '(.+)'$/.exec(fault));
    const [, configure, write, read] = granted.find((found) => found !== null)!;
    await node.setPermissions(new URL(url).username, 'healthy', { configure, write, read });
    expect((await at(url)).faults).toEqual([]);
  });
});

describe('exchange and queues', () => {
  /** In a new vhost, with these arguments of the INFO queue. */
  async function withQueue(args: Record<string, unknown>) {
    const { url, vhost } = await useVhost();
    const channel = await useChannel(url);
    await channel.assertQueue('shop_info_logs', { durable: true, arguments: args });
    return { url, vhost, channel };
  }

  test('an exchange of another type', async () => {
    const { url, vhost } = await useVhost();
    await (await useChannel(url)).assertExchange('logs_exchange', 'topic', { durable: true });
    const { faults } = await at(url);
    expect(faults).toEqual([
      expect.stringContaining(
        `exchange: exchange logs_exchange is used as it is: type is topic, wanted direct → Stop producers and consumers, run rabbitmqadmin --vhost='${vhost}' delete exchange name=logs_exchange`,
      ),
    ]);
  });

  test('a queue without limits: a policy can set them', async () => {
    const { url } = await withQueue({ 'x-queue-type': 'quorum', ...noLimit() });
    const { faults } = await at(url);
    expect(faults).toEqual([
      expect.stringMatching(
        /^queues of shop: queue shop_info_logs: used as declared: x-max-length is not set, wanted 1000000; x-max-length-bytes is not set, wanted 1073741824; x-message-ttl is not set, wanted 604800000; x-overflow is not set, wanted reject-publish → Run rabbitmqctl set_policy -p '\w+' --apply-to queues 'loghive-shop_info_logs' '\^shop_info_logs\$' '\{"max-length":1000000,"max-length-bytes":1073741824,"message-ttl":604800000,"overflow":"reject-publish"\}'/,
      ),
    ]);
    const [, policy = ''] = /(set_policy .*\}')/.exec(faults[0]!)!;
    await node.ctl(...policy.split(' ').map((word) => word.replace(/^'|'$/g, '')));
  });

  test('a queue with a lower limit: it has to be deleted', async () => {
    const { url, vhost } = await withQueue({ ...wanted(), 'x-max-length': 10 });
    const { faults } = await at(url);
    expect(faults).toEqual([
      expect.stringMatching(
        /^queues of shop: queue shop_info_logs: used as declared: x-max-length is 10, wanted 1000000 → No policy can do that\. .*rabbitmqctl delete_queue -p '\w+' 'shop_info_logs'/,
      ),
    ]);
    await node.deleteQueue('shop_info_logs', vhost);
    expect((await at(url)).faults).toEqual([]);
  });

  test('a queue of the Python package', async () => {
    const { url } = await withQueue({ 'x-message-ttl': 604_800_000, 'x-max-length': 1_000_000 });
    const { faults } = await at(url);
    expect(faults).toEqual([
      expect.stringMatching(/wanted quorum → If Python clients declared it, set QUEUE_TYPE=python\./),
    ]);
    useEnvironment({ QUEUE_TYPE: 'python' });
    expect((await at(url)).faults).toEqual([]);
  });

  test('a delivery limit that is too low, and one without a dead-letter exchange', async () => {
    const low = await withQueue({ ...wanted(), 'x-delivery-limit': 2 });
    expect((await at(low.url)).faults).toEqual([
      expect.stringMatching(/: x-delivery-limit is 2, wanted (unset|-1) → /),
      expect.stringMatching(/has a delivery limit of 2, which is too low: .* → Delete the queue while it is empty/),
    ]);
    const dropping = await withQueue({ ...wanted(), 'x-delivery-limit': 5 });
    expect((await at(dropping.url)).faults).toEqual([
      expect.stringMatching(/: x-delivery-limit is 5, wanted (unset|-1) → /),
      expect.stringMatching(/has a delivery limit of 5 and no dead-letter exchange: .* → Delete the queue/),
    ]);
  });

  test('a stream', async () => {
    const { url } = await withQueue({ 'x-queue-type': 'stream' });
    const { faults } = await at(url);
    expect(faults).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^queues of shop: queue "shop_info_logs" is a stream, .* → Delete the stream, or use/),
      ]),
    );
  });

  test('a queue that is exclusive to another connection', async () => {
    const { url } = await useVhost();
    await (await useChannel(url)).assertQueue('shop_info_logs', { exclusive: true });
    expect((await at(url)).faults).toEqual([
      expect.stringMatching(/^queues of shop: queue shop_info_logs: exclusive to another connection → Close that/),
    ]);
  });

  test('messages that nothing consumes', async () => {
    const { url, channel } = await withQueue(wanted());
    channel.sendToQueue('shop_info_logs', Buffer.from('{}'));
    await channel.waitForConfirms();
    await eventually(async () =>
      expect((await at(url)).faults).toEqual([
        'queues of shop: queue shop_info_logs: messages wait, and nothing consumes them → Start loghive consume for this service.',
      ]),
    );
  });

  test('a queue that is not bound: the record on its way is returned', async () => {
    const { url: own } = await useVhost();
    const consumer = await startConsumer(['shop'], { url: own, databaseUrl, workers: 0 });
    onEnd(() => consumer.stop());
    const channel = await useChannel(own);
    await channel.unbindQueue('shop_debug_logs', 'logs_exchange', 'shop.debug');
    const { faults } = await examined({ url: own, databaseUrl }, { send: true });
    expect(faults).toEqual([
      expect.stringMatching(
        /^record: queue shop_debug_logs is not bound to logs_exchange by shop\.debug: .* → Restart/,
      ),
    ]);
  });
});

const isVersion4 = () => Number(node.version.split('.')[0]) >= 4;
const noLimit = () => (isVersion4() ? { 'x-delivery-limit': -1 } : {});

/** The arguments that Loghive declares. */
function wanted(): Record<string, unknown> {
  return {
    'x-queue-type': 'quorum',
    'x-message-ttl': 604_800_000,
    'x-max-length': 1_000_000,
    'x-max-length-bytes': 2 ** 30,
    'x-overflow': 'reject-publish',
    ...noLimit(),
  };
}
