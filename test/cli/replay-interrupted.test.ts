/** Interrupts a replay before its next page. The moments are too short to hit with a real broker. */
import { beforeEach, expect, test, vi } from 'vitest';
import { replayLetters } from '../../cli/dead-letters/replay.js';
import type { Replay } from '../../consumer/replay.js';
import type { Administration } from '../../consumer/store/index.js';
import type { BrokerConfig } from '../../src/config.js';

const fakes = vi.hoisted(() => ({
  shutdown: new AbortController(),
  replay: {} as object,
}));

vi.mock('../../cli/shutdown-signals.js', () => ({ listenForShutdown: () => ({ requested: fakes.shutdown.signal }) }));
vi.mock('../../consumer/replay.js', () => ({ openReplay: () => fakes.replay }));

beforeEach(() => {
  fakes.shutdown = new AbortController();
});

/** Two letters, one per page. Interrupts the command at `moment`. */
async function interruptedReplay(moment: 'connected' | 'ready') {
  const pages: string[] = [];
  const interruptAt = (now: typeof moment) => {
    if (now === moment) fakes.shutdown.abort();
  };
  fakes.replay = {
    connected: async () => interruptAt('connected'),
    ready: async () => interruptAt('ready'),
    send: async () => [],
    isToRepeat: false,
    fault: undefined,
    sent: 0,
    kept: new Map(),
    close: async () => {},
  } satisfies Replay;
  const letters = {
    total: async () => ({ letters: 2, newest: '2' }),
    republish: async (_filter: object, { after }: { after: string }) => {
      pages.push(after);
      return { after: after === '0' ? '1' : undefined };
    },
  };
  const messages = { write() {}, report() {}, onClosed() {}, async flushed() {} };
  const isDone = await replayLetters(
    { letters } as unknown as Administration,
    {},
    {} as BrokerConfig,
    'json',
    messages,
  );
  return { pages, isDone };
}

test.each(['connected', 'ready'] as const)(
  'sends nothing more when interrupted while it waits (%s)',
  async (moment) => {
    expect(await interruptedReplay(moment)).toEqual({ pages: [], isDone: false });
  },
);
