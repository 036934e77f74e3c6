import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import amqp from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RabbitmqServer, startRabbitmq } from './rabbitmq.mjs';
import { makeCa } from './tls.mjs';
import { onEnd, useChild } from './use-servers.js';
import { eventually } from './wait.mjs';

const ca = makeCa();
let node: RabbitmqServer;
beforeAll(async () => {
  node = await startRabbitmq({ tls: ca.issue() });
});
afterAll(() => node?.stop());

async function connect(url: string, options = {}) {
  const connection = await amqp.connect(url, options);
  const events: string[] = [];
  connection.on('error', () => {});
  for (const name of ['blocked', 'unblocked', 'close']) connection.on(name, () => events.push(name));
  onEnd(() => connection.close().catch(() => {}));
  return { connection, events };
}

/** Running processes whose command line or environment contains a folder. */
function processesOf(dir: string): string[] {
  if (!existsSync('/proc/self')) return execFileSync('ps', ['-axwwE', '-o', 'args=']).toString().match(dir) ?? [];
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(dir));
    } catch {
      return false;
    }
  });
}

test('the feature flag stream_queue is on, which at-least-once dead-lettering needs', async () => {
  expect(await node.featureFlags()).toContain('stream_queue');
});

test('confirmed messages survive a SIGKILL of the server', async () => {
  const url = await node.addVhost('durable');
  const { connection, events } = await connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('q', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  for (let i = 0; i < 100; i++) channel.sendToQueue('q', Buffer.from(String(i)), { persistent: true });
  await channel.waitForConfirms();
  await node.sync();
  const pid = node.pid;
  await node.restart('SIGKILL');
  expect(node.pid).not.toBe(pid);
  await eventually(() => events.includes('close'));
  await eventually(async () => {
    expect(await node.listQueues('durable')).toMatchObject([{ name: 'q', ready: 100 }]);
  });
});

test('a low memory watermark blocks publishers, and the default one unblocks them', async () => {
  const { connection, events } = await connect(node.url);
  const channel = await connection.createChannel();
  await node.setVmWatermark(1);
  channel.publish('amq.direct', 'nowhere', Buffer.from('x'));
  await eventually(() => events.includes('blocked'));
  await node.setVmWatermark();
  await eventually(() => events.includes('unblocked'));
});

test('a paused server answers nothing until it is resumed', async () => {
  await node.pause();
  await expect(node.eval('1 + 1', 200)).rejects.toThrow(/no answer within 200 ms/);
  await node.resume();
  expect(await node.eval('1 + 1')).toBe('2');
});

test('a client connects by TLS with the private authority', async () => {
  const { connection } = await connect(node.tlsUrl ?? '', { ca: [ca.cert] });
  expect(await node.listConnections()).toMatchObject([{ ssl: true }]);
  await connection.close();
});

test('policies, rabbitmqctl and the deletion of a queue work', async () => {
  const { connection } = await connect(node.url);
  const channel = await connection.createChannel();
  await channel.assertQueue('limited');
  await node.setPolicy('limit', '^limited$', { 'max-length': 3 });
  expect(await node.ctl('list_policies')).toMatch(/limit\s+\^limited\$\s+queues\s+\{"max-length":3\}/);
  await node.deleteQueue('limited');
  expect(await node.listQueues()).toEqual([]);
});

test('stop leaves no process and no folder behind', async () => {
  const another = await startRabbitmq();
  expect(processesOf(another.dir)).not.toEqual([]);
  await another.stop();
  expect(existsSync(another.dir)).toBe(false);
  await eventually(() => processesOf(another.dir).length === 0);
});

test('no process remains when the parent was killed, even if the server was paused', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'loghive-owner-'));
  onEnd(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'owner.mjs');
  writeFileSync(
    file,
    `import { startRabbitmq } from ${JSON.stringify(join(import.meta.dirname, 'rabbitmq.mjs'))};
    const node = await startRabbitmq();
    node.pause();
    console.log('dir ' + node.dir);
    setInterval(() => {}, 1000);`,
  );
  const owner = useChild(file);
  const [, folder = ''] = await owner.waitForLine(/dir (.*)/, 60_000);
  await owner.kill('SIGKILL');
  await eventually(() => !existsSync(folder) && processesOf(folder).length === 0);
});
