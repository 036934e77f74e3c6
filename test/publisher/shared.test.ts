import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type ProducerOptions, type PublisherConfig, producerConfig } from '../../src/producer-config.js';
import { sharePublisher } from '../../src/publisher/shared.js';
import { onEnd, uniqueName, useBroker, useProxy } from '../support/use-servers.js';
import { useSpoolFolder, withFastDisk } from '../support/use-spool.js';
import { eventually } from '../support/wait.mjs';

const broker = await useBroker();

/** The settings that an integration derives from its options, without its service and level. */
function settings(options: ProducerOptions = {}): PublisherConfig {
  const config = producerConfig('test', { service: 'shop', url: broker.url, ...options });
  const { broker: at, queues, lingerMs, bufferBytes, recordsPerMessage, exitTimeoutMs, handleSignals, spool } = config;
  return { broker: at, queues, lingerMs, bufferBytes, recordsPerMessage, exitTimeoutMs, handleSignals, spool };
}

/** A different heartbeat each time, so that each test has its own publisher. */
let heartbeats = 100;
const ownHeartbeat = () => ({ heartbeatMs: 1000 * heartbeats++ });
const ownSettings = (options: ProducerOptions = {}) => settings({ ...ownHeartbeat(), ...options });

function share(config: PublisherConfig) {
  const shared = sharePublisher(config);
  onEnd(() => shared.release());
  return shared;
}

const listeners = () =>
  ['SIGTERM', 'SIGINT', 'SIGHUP', 'beforeExit', 'exit'].map((event) => process.listenerCount(event));

describe('publishers', () => {
  it('are shared by integrations with equal settings, although each has resolved its own', () => {
    const options = ownHeartbeat();
    const [first, second] = [settings(options), settings(options)];
    expect(first).not.toBe(second);
    expect(share(first).publisher).toBe(share(second).publisher);
  });

  it.each<[string, ProducerOptions]>([
    ['the vhost', { url: new URL('/other', broker.url).href }],
    ['the user', { url: broker.url.replace('guest:guest', 'other:guest') }],
    ['the password', { url: broker.url.replace('guest:guest', 'guest:other') }],
    ['the linger', { lingerMs: 6 }],
    ['the buffer', { bufferBytes: 1024 * 1024 }],
    ['the exit timeout', { exitTimeoutMs: 1 }],
    ['the signals', { handleSignals: false }],
    ['the kind of queues', { queueType: 'classic' }],
    ['the form of messages', { queueType: 'python' }],
    ['the limits of queues', { queueMaxSize: 7 }],
    ['TLS', { tls: { servername: 'broker' } }],
    ['the folder of the spool', { spool: { dir: '/elsewhere' } }],
    ['the size of the spool', { spool: { maxBytes: 1024 * 1024 } }],
    ['the mode of the spool', { spool: { mode: 'always' } }],
    ['whether there is a spool', { spool: false }],
  ])('are separate if the settings differ in %s', (_what, options) => {
    const common = { ...ownHeartbeat(), exitTimeoutMs: 0 };
    const first = share(settings(common));
    const second = share(settings({ ...common, ...options }));
    expect(second.publisher).not.toBe(first.publisher);
  });

  it('stay open until the last integration releases them', async () => {
    const config = ownSettings();
    const service = uniqueName('svc');
    const [first, second] = [share(config), share(config)];
    first.publisher.accept(service, 'INFO', '{"number":1}', first.account);
    expect(await first.release()).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
    expect(second.publisher.status().connection.state).toBe('ready');
    second.publisher.accept(service, 'INFO', '{"number":2}', second.account);
    expect(await second.release()).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
    expect(second.publisher.status().connection.state).toBe('closed');
    second.publisher.accept(service, 'INFO', '{"number":3}');
    expect(second.publisher.stats().dropped).toEqual({ INFO: { 'logged after close': 1 } });
  });

  it('count an integration once, however often it releases them, and give it the same result each time', async () => {
    const config = ownSettings();
    const [first, second] = [share(config), share(config)];
    const answers = await Promise.all([first.release(), first.release(), first.release()]);
    expect(answers[1]).toBe(answers[0]);
    expect(answers[2]).toBe(answers[0]);
    second.publisher.accept(uniqueName('svc'), 'INFO', '{}', second.account);
    expect(await second.release()).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
  });

  it('are replaced after the last release, without waiting for its end', async () => {
    const config = ownSettings();
    const first = share(config);
    const ended = first.release();
    const second = share(config);
    expect(second.publisher).not.toBe(first.publisher);
    await ended;
    second.publisher.accept(uniqueName('svc'), 'INFO', '{}', second.account);
    expect(await second.release()).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
  });

  it('tell a closed integration how many of its records are unsent, and keep these while others are open', async () => {
    const config = ownSettings({ url: 'amqp://127.0.0.1:1', exitTimeoutMs: 50, spool: false });
    const [first, second, silent] = [share(config), share(config), share(config)];
    for (const { publisher, account } of [first, second, second]) publisher.accept('shop', 'INFO', '{}', account);
    expect(await silent.release()).toEqual({ confirmed: 0, spooled: 0, unsent: 0 });
    expect(await first.release()).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
    expect(second.publisher.stats()).toMatchObject({ pending: 3, dropped: {} });
    expect(await second.release()).toEqual({ confirmed: 0, spooled: 0, unsent: 2 });
    expect(second.publisher.stats()).toMatchObject({ pending: 0, dropped: { INFO: { 'unsent at close': 3 } } });
  });

  it('leave all records on disk at the last release, and tell it how many of its own these are', async () => {
    const config = ownSettings({ url: 'amqp://127.0.0.1:1', spool: { dir: useSpoolFolder() } });
    const [first, second] = [share(config), share(config)];
    for (const { publisher, account } of [first, second, second]) publisher.accept('shop', 'INFO', '{}', account);
    expect(await first.release()).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
    expect(second.publisher.stats()).toMatchObject({ pending: 3, spooled: 0, dropped: {} });
    expect(await second.release()).toEqual({ confirmed: 0, spooled: 2, unsent: 0 });
    expect(second.publisher.stats()).toMatchObject({ pending: 0, spooled: 3, dropped: {} });
  });

  const line = JSON.stringify('x'.repeat(1000));

  it('tell each integration the outcome of its own records only', async () => {
    const own = { url: 'amqp://127.0.0.1:1', exitTimeoutMs: 50, bufferBytes: 256 * 1024, spool: false } as const;
    const config = ownSettings(own);
    const [first, second] = [share(config), share(config)];
    for (let record = 0; record < 1000; record++) {
      first.publisher.accept('shop', 'INFO', line, first.account);
      if (record % 2 === 0) second.publisher.accept('shop', 'INFO', line, second.account);
    }
    const { pending, dropped } = first.publisher.stats();
    expect(dropped.INFO?.['buffer full']).toBe(1500 - pending);
    const unsent = [(await first.release()).unsent, (await second.release()).unsent];
    expect(unsent[0]! + unsent[1]!).toBe(pending);
    expect(unsent[0]! - 2 * unsent[1]!).toBeLessThan(3);
  });

  it('tell each integration the outcome of its own records only, also of those that were on disk', async () => {
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const spool = { dir: useSpoolFolder() };
    const config = ownSettings({ url: proxy.url(broker.url), bufferBytes: 256 * 1024, spool });
    const service = uniqueName('svc');
    const [first, second] = [share(config), share(config)];
    withFastDisk(() => {
      for (let record = 0; record < 1000; record++) {
        first.publisher.accept(service, 'INFO', line, first.account);
        if (record % 2 === 0) second.publisher.accept(service, 'INFO', line, second.account);
      }
    });
    expect(first.publisher.stats()).toMatchObject({ accepted: 1500, dropped: {} });
    expect(first.publisher.stats().spooled).toBeGreaterThan(1000);
    expect([first.account.pending, second.account.pending]).toEqual([1000, 500]);
    await proxy.heal();
    await first.publisher.flush();
    expect(await first.release()).toEqual({ confirmed: 1000, spooled: 0, unsent: 0 });
    expect(await second.release()).toEqual({ confirmed: 500, spooled: 0, unsent: 0 });
  });

  it('release an integration as soon as its own records are confirmed, however much another one logs', async () => {
    const config = ownSettings({ exitTimeoutMs: 8000 });
    const service = uniqueName('svc');
    const [first, second] = [share(config), share(config)];
    first.publisher.accept(service, 'INFO', '{}', first.account);
    let released = false;
    const releasing = first.release().then((result) => {
      released = true;
      return result;
    });
    // Records of the other one are in flight all the time.
    while (!released) {
      second.publisher.accept(service, 'INFO', '{}', second.account);
      await new Promise(setImmediate);
      expect(second.account.confirmed).toBeLessThan(20_000);
    }
    expect(await releasing).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
  });

  it('add listeners to the process once, however many they are, and remove them again', async () => {
    const before = listeners();
    const integrations = [ownSettings(), ownSettings(), ownSettings()].map(share);
    // `exit` has two, the first and the last. An earlier test may have added the last one, which also reports records
    // logged after close.
    expect(listeners()).toEqual([...before.slice(0, 4).map((count) => count + 1), 2]);
    await Promise.all(integrations.map(({ release }) => release()));
    expect(listeners()).toEqual(before);
  });

  it('are garbage collected after their close, even if something was logged to them then', async () => {
    v8.setFlagsFromString('--expose-gc');
    const collect: () => void = vm.runInNewContext('gc');
    const closed: WeakRef<object>[] = [];
    for (let number = 0; number < 5; number++) {
      const { publisher, release } = sharePublisher(ownSettings({ url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0 }));
      await release();
      publisher.accept('shop', 'INFO', '{}');
      closed.push(new WeakRef(publisher));
    }
    await eventually(() => {
      collect();
      // The last one may still be on the stack.
      expect(closed.filter((each) => each.deref()).length).toBeLessThan(2);
    });
  });

  it('leave signals alone with handleSignals: false', () => {
    const signals = listeners().slice(0, 3);
    share(ownSettings({ handleSignals: false }));
    expect(listeners().slice(0, 3)).toEqual(signals);
  });
});
