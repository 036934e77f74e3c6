/** A replay that is interrupted before its next page: the moments are too short to be met with a real broker. */
import { beforeEach, expect, test, vi } from 'vitest';
import { replayLetters } from '../../cli/dead-letters/replay.js';
import type { Replay } from '../../consumer/replay.js';
import type { Administration } from '../../consumer/store/index.js';
import type { BrokerConfig } from '../../src/config.js';

const world = vi.hoisted(() => ({
  shutdown: new AbortController(),
  replay: {} as object,
}));

vi.mock('../../cli/shutdown-signals.js', () => ({ listenForShutdown: () => ({ asked: world.shutdown.signal }) }));
vi.mock('../../consumer/replay.js', () => ({ openReplay: () => world.replay }));

beforeEach(() => {
  world.shutdown = new AbortController();
});

/** Two letters, a page each. The command is interrupted where `moment` says. */
async function interruptedReplay(moment: 'connected' | 'ready') {
  const pages: string[] = [];
  const interruptAt = (now: typeof moment) => {
    if (now === moment) world.shutdown.abort();
  };
  world.replay = {
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
  const nobody = { write() {}, say() {}, onGone() {}, async written() {} };
  const isDone = await replayLetters({ letters } as unknown as Administration, {}, {} as BrokerConfig, 'json', nobody);
  return { pages, isDone };
}

test.each(['connected', 'ready'] as const)('while it waits (%s), sends nothing more', async (moment) => {
  expect(await interruptedReplay(moment)).toEqual({ pages: [], isDone: false });
});
