/** The number of announced services accepted, and their order. */
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ServiceRegistrar } from '../../consumer/service-registrar.js';
import { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { StatusLog } from '../../src/status-log.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function useAnnouncements({ maxServices = 1000, known: before = [] as string[] } = {}) {
  const known = new Set(before);
  const calls: string[][] = [];
  const acknowledged: string[] = [];
  let passes = 0;
  const notices = new StatusLog((sentence) => internalLogger.warning(sentence));
  const store = {
    saveServices: vi.fn(async (services: readonly string[]): Promise<{ refused: string } | undefined> => {
      calls.push([...services]);
      return undefined;
    }),
  };
  const announcements = new ServiceRegistrar({
    maxServices,
    store,
    notices,
    known: () => {
      passes++;
      return known;
    },
    onAccepted: (services) => {
      for (const [service] of services) known.add(service);
    },
    signal: new AbortController().signal,
  });
  const announce = (...services: string[]) => {
    for (const service of services) announcements.add(service, () => acknowledged.push(service), WORKER);
  };
  /** In small steps, with event loop iterations between them. */
  async function pass(ms: number) {
    for (let step = 0; step <= 50; step++) {
      if (step > 0) await vi.advanceTimersByTimeAsync(ms / 50);
      await setImmediate();
    }
  }
  return { announcements, announce, pass, known, calls, acknowledged, notices, store, passes: () => passes };
}

const WORKER = 1;
const names = (count: number, prefix = 'svc') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

describe('services that announce themselves', () => {
  test('are acknowledged once they are in the table', async () => {
    const { announce, pass, store, acknowledged, known } = useAnnouncements();
    let commit = () => {};
    store.saveServices.mockImplementationOnce(
      () =>
        new Promise((resolve) => {
          commit = () => resolve(undefined);
        }),
    );
    announce('shop');
    await pass(0);
    expect(acknowledged).toEqual([]);
    commit();
    await pass(0);
    expect(acknowledged).toEqual(['shop']);
    expect([...known]).toEqual(['shop']);
  });

  test('are accepted at ten per second, newest first, and health reports it', async () => {
    const { announce, pass, known, notices, acknowledged } = useAnnouncements();
    announce(...names(35));
    await pass(0);
    expect([...known]).toEqual(names(35).reverse().slice(0, 10));
    expect(notices.all).toEqual([
      expect.stringMatching(/^more than 10 new services announced themselves within one second/),
    ]);
    announce('newest');
    await pass(100);
    expect(known).toContain('newest');
    await pass(900);
    expect(known.size).toBe(20);
    await pass(1600);
    expect(known.size).toBe(36);
    expect(acknowledged).toHaveLength(36);
    await pass(100);
    expect(notices.all).toEqual([]);
  });

  test('are updated immediately if known, however many new ones wait', async () => {
    const { announce, pass, calls, acknowledged } = useAnnouncements({ known: ['shop'] });
    announce(...names(50), 'shop');
    await pass(0);
    expect(calls[0]).toContain('shop');
    expect(acknowledged).toContain('shop');
  });

  test('are rejected, acknowledged and reported once in health above the maximum number', async () => {
    const { announce, pass, known, notices, acknowledged } = useAnnouncements({ maxServices: 5, known: ['a', 'b'] });
    announce(...names(20));
    await pass(5000);
    expect(known.size).toBe(5);
    expect([...known]).toEqual(['a', 'b', 'svc19', 'svc18', 'svc17']);
    expect(acknowledged).toHaveLength(20);
    announce(...names(20, 'more'));
    await pass(5000);
    expect(known.size).toBe(5);
    expect(acknowledged).toHaveLength(40);
    expect(notices.all).toEqual([
      expect.stringMatching(
        /^more than 5 services have announced themselves\. Further ones, such as svc16, are ignored\. .*raise MAX_SERVICES/,
      ),
    ]);
    expect(internalLogger.warning).toHaveBeenCalledTimes(1);
  });

  test('are consumed while PostgreSQL is down, and stay unacknowledged until it stores them', async () => {
    const { announce, pass, store, known, acknowledged, notices, calls } = useAnnouncements();
    // The delay before the next attempt.
    vi.spyOn(Math, 'random').mockReturnValue(0.9);
    store.saveServices.mockRejectedValueOnce(new LoghiveError('LOGHIVE_STORAGE_UNAVAILABLE', 'it is away'));
    announce('shop');
    await pass(0);
    expect([...known]).toEqual(['shop']);
    expect(acknowledged).toEqual([]);
    expect(notices.all).toEqual(['service announcements cannot be stored for other consumers: it is away.']);
    // New announcements do not wait for it.
    announce('till');
    await pass(100);
    expect([...known]).toEqual(['shop', 'till']);
    expect(acknowledged).toEqual([]);
    await pass(1100);
    expect(calls).toEqual([['shop', 'till']]);
    expect(acknowledged).toEqual(['shop', 'till']);
    expect(notices.all).toEqual([]);
  });

  test('are reported in health while they exceed the rate, even if none can be stored', async () => {
    const { announce, pass, store, known, notices } = useAnnouncements();
    store.saveServices.mockRejectedValue(new LoghiveError('LOGHIVE_STORAGE_UNAVAILABLE', 'it is away'));
    announce(...names(20));
    await pass(0);
    expect(notices.all).toHaveLength(2);
    await pass(5000);
    expect(known.size).toBe(20);
    expect(notices.all).toEqual(['service announcements cannot be stored for other consumers: it is away.']);
  });

  test('are retried once a second and not more often if they cannot be stored', async () => {
    const { announce, pass, store, passes } = useAnnouncements();
    store.saveServices.mockRejectedValue(new LoghiveError('LOGHIVE_STORAGE_UNAVAILABLE', 'it is away'));
    announce('shop');
    // The pauses between attempts have grown by then.
    await pass(120_000);
    const before = passes();
    await pass(60_000);
    expect(passes() - before).toBeLessThan(300);
  });

  test('are acknowledged after ten minutes if they cannot be stored, and stored later', async () => {
    const { announcements, announce, pass, store, calls, acknowledged, notices } = useAnnouncements();
    store.saveServices.mockRejectedValue(new LoghiveError('LOGHIVE_STORAGE_UNAVAILABLE', 'it is away'));
    announce('shop');
    await pass(9.5 * 60_000);
    expect(acknowledged).toEqual([]);
    await pass(2 * 60_000);
    expect(acknowledged).toEqual(['shop']);
    announcements.clear(WORKER);
    expect(notices.all).toHaveLength(1);
    store.saveServices.mockImplementation(async (services) => {
      calls.push([...services]);
      return undefined;
    });
    await pass(60_000);
    expect(calls).toEqual([['shop']]);
    expect(acknowledged).toEqual(['shop']);
    expect(notices.all).toEqual([]);
  });

  test('are consumed although the table refuses them, which health reports until it accepts them', async () => {
    const { announce, pass, store, known, notices } = useAnnouncements();
    store.saveServices.mockResolvedValueOnce({ refused: 'no right' });
    announce('shop');
    await pass(0);
    expect([...known]).toEqual(['shop']);
    expect(notices.all).toEqual(['service announcements cannot be stored for other consumers: no right']);
    announce('shop');
    await pass(0);
    expect(notices.all).toEqual([]);
  });

  test('are discarded when their channel ends, because the broker redelivers them', async () => {
    const { announcements, announce, pass, known, acknowledged } = useAnnouncements();
    announce(...names(20));
    await pass(0);
    announcements.clear(WORKER);
    await pass(5000);
    expect(known.size).toBe(10);
    expect(acknowledged).toHaveLength(10);
  });
});
