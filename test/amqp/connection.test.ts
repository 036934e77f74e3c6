import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { Connection } from '../../src/amqp/connection.js';
import { freePort } from '../support/ports.mjs';
import { brokerConfigOf, useConnection } from '../support/use-connection.js';
import { methodFrame, useRelay } from '../support/use-relay.js';
import { onEnd, useBroker, useChild, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const broker = await useBroker();
const program = new URL('connection-child.mjs', import.meta.url).pathname;

/** Accepts connections and never sends anything. */
async function useBlackHole(): Promise<{ url: string; taken: () => number; hangUp: () => void }> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => sockets.push(socket.on('error', () => {})));
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  onEnd(() => {
    hangUp();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `amqp://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  return { url, taken: () => sockets.length, hangUp };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await work;
  expect(performance.now() - begun).toBeLessThan(ms);
}

describe('a connection', () => {
  test('connects, is ready, closes, and can be opened again', async () => {
    const { connection, events, is } = useConnection(broker.url);
    expect(connection.status()).toMatchObject({ state: 'connecting' });
    await is('ready');
    expect(connection.status()).toMatchObject({ state: 'ready', host: `${broker.host}:${broker.port}` });
    connection.open();
    const closing = connection.close();
    expect(connection.status().state).toBe('closing');
    await closing;
    expect(connection.status().state).toBe('closed');
    expect(events()).toEqual(['ready']);
    connection.open();
    await is('ready');
    expect(events()).toEqual(['ready', 'ready']);
  });

  test('that is opened while it closes opens afterwards, unless it is closed again', async () => {
    const { connection, events, is } = useConnection(broker.url);
    await is('ready');
    const closing = connection.close();
    connection.open();
    await closing;
    await is('ready');
    const closingAgain = connection.close();
    connection.open();
    await connection.close();
    await closingAgain;
    expect(connection.status().state).toBe('closed');
    expect(events()).toEqual(['ready', 'ready']);
  });

  test('that was never opened can be closed', async () => {
    const connection = new Connection(brokerConfigOf(broker.url), { connectionName: 'x', keepsProcessAlive: true });
    await connection.close();
    expect(connection.status().state).toBe('closed');
  });

  test('reconnects after a reset, and reports the lost connection', async () => {
    const proxy = await useProxy(broker.url);
    const { connection, received, events, is } = useConnection(proxy.url(broker.url));
    await is('ready');
    await proxy.reset();
    await eventually(() => events().length === 3);
    expect(events()).toEqual(['ready', 'lost', 'ready']);
    expect(received[1]!.error).toMatchObject({ code: 'LOGHIVE_BROKER_LOST' });
    expect(received[1]!.error!.message).toMatch(`connection to 127.0.0.1:${proxy.port} ended: `);
    const { lastError, lastErrorAtMs, connectedAt } = connection.status();
    expect(lastError).toBe(received[1]!.error!.message);
    // The error is older than the open connection.
    expect(lastErrorAtMs).toBeLessThan(Date.parse(connectedAt!));
    expect(received[2]!.connection).not.toBe(received[0]!.connection);
  });

  test("reports the broker's reply text when the broker closes it", async () => {
    const own = await useBroker();
    const { received, events, is } = useConnection(own.url);
    await is('ready');
    await own.closeConnections();
    await eventually(() => events().includes('lost'));
    expect(received[1]!.error!.message).toMatch(/ended: CONNECTION_FORCED - [^.]*\. Loghive reconnects\.$/);
    await is('ready');
  });

  test('keeps retrying while nothing listens, and reports each failure', async () => {
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const { connection, received, events, is } = useConnection(proxy.url(broker.url));
    await is('waiting');
    expect(received[0]!.error).toMatchObject({ code: 'LOGHIVE_BROKER_UNREACHABLE' });
    connection.retryNow();
    expect(connection.status().state).toBe('connecting');
    await eventually(() => events().length >= 2);
    expect(new Set(events())).toEqual(new Set(['failed']));
    await proxy.heal();
    connection.retryNow();
    await is('ready');
  });

  test('waits 1 s at most after the first failure, and longer after each further one', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onEnd(() => vi.restoreAllMocks());
    const delays: unknown[] = [];
    const { connection, is } = useConnection(`amqp://127.0.0.1:${await freePort()}`);
    connection.events.on('failed', () => delays.push(timers.mock.lastCall?.[1]));
    for (const _ of [1, 2, 3, 4, 5, 6, 7]) {
      await is('waiting');
      connection.retryNow();
    }
    expect(delays.slice(0, 7)).toEqual([999, 1998, 3996, 7992, 15_984, 29_970, 29_970]);
  });

  test('increases its delay for a broker that accepts and closes it immediately, until a connection has lasted', async () => {
    const proxy = await useProxy(broker.url);
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onEnd(() => vi.restoreAllMocks());
    const { connection, is } = useConnection(proxy.url(broker.url));
    const delays: unknown[] = [];
    connection.events.on('lost', () => delays.push(timers.mock.lastCall?.[1]));
    for (const lastedMs of [0, 1000, 4000, 6000, 0]) {
      await is('ready');
      const now = performance.now.bind(performance);
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + lastedMs);
      await proxy.reset();
      await is('waiting');
      clock.mockRestore();
      connection.retryNow();
    }
    expect(delays).toEqual([999, 1998, 3996, 999, 1998]);
  });

  test('closes its socket with the connection, even if the peer never would', async () => {
    const relay = await useRelay(broker.url);
    const { received, events, is } = useConnection(relay.url);
    await is('ready');
    const { stream } = (received[0]!.connection!.model as unknown as { connection: { stream: net.Socket } }).connection;
    relay.fallSilent();
    relay.sendToClient(methodFrame(10, 41, Buffer.from([0])));
    await eventually(() => events().includes('lost'));
    expect(received[1]!.error!.message).toMatch(/ended: Unexpected frame on channel 0/);
    expect(stream.destroyed).toBe(true);
  });

  test('retries immediately when another connection of the process reaches the same broker', async () => {
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const port = await freePort();
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onEnd(() => vi.restoreAllMocks());
    const one = useConnection(proxy.url(broker.url));
    const elsewhere = useConnection(`amqp://127.0.0.1:${port}`);
    for (const { connection, is } of [one, one, one, elsewhere]) {
      await is('waiting');
      connection.retryNow();
    }
    await Promise.all([one.is('waiting'), elsewhere.is('waiting')]);
    const failed = elsewhere.events().length;
    await proxy.heal();
    // Its own next attempt is in eight seconds.
    const other = useConnection(proxy.url(broker.url));
    await other.is('ready');
    await one.is('ready', 3000);
    expect(elsewhere.events()).toHaveLength(failed);
  });

  test('does not retry immediately again and again if two connections are lost as soon as they are ready', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onEnd(() => vi.restoreAllMocks());
    const readyAt: number[] = [];
    const [one, other] = [useConnection(broker.url), useConnection(broker.url)];
    one.connection.events.on('ready', () => readyAt.push(performance.now()));
    for (const { connection } of [one, other]) {
      connection.events.on('ready', () => setImmediate(() => connection.reconnect('a test')));
    }
    await eventually(() => readyAt.length >= 3, { withinMs: 15_000 });
    // It has waited for a second at least once.
    expect(readyAt[2]! - readyAt[0]!).toBeGreaterThan(900);
  });

  test('tries the hosts of a list in turn', async () => {
    const port = await freePort();
    const hole = await useBlackHole();
    const vhost = `/${broker.vhost}`;
    const urls = [`amqp://127.0.0.1:${port}`, hole.url, broker.url].map((url) => url.replace(vhost, '') + vhost);
    const { connection, events, is } = useConnection(urls.join(','));
    await eventually(() => hole.taken() === 1);
    hole.hangUp();
    await is('ready');
    expect(hole.taken()).toBe(1);
    expect(connection.status().host).toBe(`127.0.0.1:${broker.port}`);
    expect(events()).toEqual(['ready']);
    // After a loss, the host that worked is tried first.
    await broker.closeConnections();
    await eventually(() => events().length === 3);
    expect(events()).toEqual(['ready', 'lost', 'ready']);
    expect(hole.taken()).toBe(1);
  });

  test('that reaches none of its hosts reports all of them in one line', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const { received, is } = useConnection(`amqp://u:secret@127.0.0.1:${one},localhost:${two}/v`);
    await is('waiting');
    const { message, code } = received[0]!.error!;
    expect(code).toBe('LOGHIVE_BROKER_UNREACHABLE');
    expect(message).toMatch(
      new RegExp(
        `^amqp://u:\\*\\*\\*@127.0.0.1:${one}/v: nothing .* \\| amqp://u:\\*\\*\\*@localhost:${two}/v: nothing .*\\. Loghive tries again, at least every 30 s\\.$`,
      ),
    );
    expect(message).not.toMatch(/secret|\n/);
  });

  test('that is dropped reports the reason, and is reopened', async () => {
    const { connection, received, events, is } = useConnection(broker.url);
    await is('ready');
    connection.reconnect('it does not do what it should');
    await eventually(() => events().length === 3);
    expect(events()).toEqual(['ready', 'lost', 'ready']);
    expect(received[1]!.error!.message).toBe(
      `connection to 127.0.0.1:${broker.port} ended: it does not do what it should. Loghive reconnects.`,
    );
  });
});

describe('close()', () => {
  test('aborts an attempt in progress', async () => {
    const hole = await useBlackHole();
    const { connection, events } = useConnection(hole.url, { socketTimeoutMs: 60_000 }, { keepsProcessAlive: true });
    await eventually(() => hole.taken() === 1);
    await within(1000, connection.close());
    expect(connection.status().state).toBe('closed');
    expect(events()).toEqual([]);
  });

  test('cancels the delay before the next attempt', async () => {
    const { connection, is } = useConnection(`amqp://127.0.0.1:${await freePort()}`);
    await is('waiting');
    await within(1000, connection.close());
    expect(connection.status().state).toBe('closed');
  });

  test('waits for an unresponsive peer only until its timeout', async () => {
    const proxy = await useProxy(broker.url);
    const { connection, events, is } = useConnection(proxy.url(broker.url));
    await is('ready');
    proxy.halfOpen();
    await within(2000, connection.close(300));
    expect(connection.status().state).toBe('closed');
    expect(events()).toEqual(['ready']);
  });

  test('is final: no events and no attempts follow', async () => {
    const proxy = await useProxy(broker.url);
    const { connection, events, is } = useConnection(proxy.url(broker.url));
    await is('ready');
    await connection.close();
    await proxy.reset();
    expect(proxy.connections).toBe(0);
    expect(proxy.accepted).toBe(1);
    expect(events()).toEqual(['ready']);
  });
});

describe('a process with only a connection that does not keep it alive', () => {
  async function endsBy(url: string, until: string, more: object = {}): Promise<void> {
    const settings = { ...brokerConfigOf(url, { socketTimeoutMs: 60_000, ...more }) };
    const child = useChild(program, { args: [JSON.stringify(settings), until] });
    await child.waitForLine(/^end of the script$/, 20_000);
    const begun = performance.now();
    expect(await child.exited).toEqual({ code: 0, signal: null });
    // Timeouts and heartbeats are a minute here.
    expect(performance.now() - begun).toBeLessThan(5000);
  }

  test('ends while it is idle', () => endsBy(broker.url, 'ready'));
  test('ends while it connects', async () => endsBy((await useBlackHole()).url, 'connecting'));
  test('ends while it connects by TLS', async () =>
    endsBy((await useBlackHole()).url.replace('amqp:', 'amqps:'), 'connecting'));
  test('ends while it waits', async () => endsBy(`amqp://127.0.0.1:${await freePort()}`, 'waiting'));
});
