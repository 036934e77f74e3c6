import { expect, it, vi } from 'vitest';
import { BodyPool, freshFrame } from '../../../src/publisher/frames.js';
import { FRAME_BYTES, Lane } from '../../../src/publisher/lane.js';
import type { LaneSpool } from '../../../src/publisher/spool/lane-spool.js';
import { Spool } from '../../../src/publisher/spool/spool.js';
import { MIB, range, useFolder } from './use-publishers.js';

const LIMITS = { bytes: FRAME_BYTES, ordinal: 0 };

function useSpool(): Spool {
  const config = { dir: useFolder(), maxBytes: MIB, mode: 'overflow', fsync: false } as const;
  return new Spool(config, { hosts: [] }, () => {});
}

/** Puts a record of 40 KiB on disk: each second one begins a new segment. */
function put(laneSpool: LaneSpool, ordinal: number): void {
  const body = Buffer.from(JSON.stringify({ ordinal, filler: 'x'.repeat(40 * 1024) }));
  const shares = [{ account: { pending: 1, confirmed: 0, unsent: 0 }, records: 1 }];
  const bytes = body.length + 1;
  const frame = { ordinal, sequence: ordinal, body, memory: undefined, records: 1, shares, bytes, madeAtS: 1 };
  expect(laneSpool.add(freshFrame(frame))).toBe(true);
}

it('what is dropped while it is being read does not keep the next records from being read', async () => {
  const laneSpool = useSpool().lane('shop', 'INFO');
  for (const ordinal of range(4)) put(laneSpool, ordinal);
  const loading = laneSpool.load(LIMITS);
  expect(laneSpool.dropOldest()).toMatchObject([{ ordinal: 0, records: 1 }]);
  const loaded = await loading;
  expect(loaded?.frames.map(({ ordinal }) => ordinal)).toEqual([1]);
  expect(laneSpool.records).toBe(2);
});

it('what is dropped while it is being read from the file that is written to costs no later record', async () => {
  const laneSpool = useSpool().lane('shop', 'INFO');
  put(laneSpool, 0);
  const loading = laneSpool.load(LIMITS);
  laneSpool.dropOldest();
  put(laneSpool, 1);
  expect((await loading)?.frames.map(({ ordinal }) => ordinal)).toEqual([1]);
  expect(laneSpool.records).toBe(0);
});

it('frames that come back stand before the later ones again', async () => {
  const spool = useSpool();
  const bodies = new BodyPool(FRAME_BYTES, 0);
  const laneSpool = spool.lane('shop', 'INFO');
  const lane = new Lane({ service: 'shop', level: 'INFO', recordsPerMessage: 1, bodies, spool: laneSpool });
  const account = { pending: 0, confirmed: 0, unsent: 0 };
  for (const number of range(3)) lane.add(`${number}`, 2, 0, account);
  expect(lane.spill(0)).toBe(6);
  lane.add('3', 2, 0, account);
  lane.cut(0);
  await lane.load();
  const first = lane.take()!;
  expect([first.body.toString(), lane.records, lane.spooled]).toEqual(['0', 4, 0]);
  // At the end of a script, in flight or not.
  for (const frame of lane.drain(0)) expect(lane.spool(frame)).toBe(true);
  expect([lane.records, lane.spooled]).toEqual([0, 4]);
  await lane.load();
  const taken = range(4).map(() => lane.take()?.body.toString());
  expect(taken).toEqual(['0', '1', '2', '3']);
});

it('frames of an earlier process that come back stand before what was not read yet', async () => {
  const spool = useSpool();
  const earlier = spool.lane('shop', 'INFO');
  for (const ordinal of range(4)) put(earlier, ordinal);
  const laneSpool = useSpool().lane('shop', 'INFO');
  for (const segment of spool.segments) laneSpool.adopt(segment);
  const [first] = (await laneSpool.load(LIMITS))!.frames;
  expect(laneSpool.add(first!)).toBe(true);
  const again = await laneSpool.load(LIMITS);
  expect(JSON.parse(again!.frames[0]!.body.toString()).ordinal).toBe(0);
});

it('records that are messages of their own go to disk together, and each can go back to its place there', async () => {
  const laneSpool = useSpool().lane('shop', 'INFO');
  const write = vi.spyOn(laneSpool, 'write');
  const bodies = new BodyPool(FRAME_BYTES, 0);
  const lane = new Lane({ service: 'shop', level: 'INFO', recordsPerMessage: 1, bodies, spool: laneSpool });
  const [a, b] = [1, 2].map(() => ({ pending: 0, confirmed: 0, unsent: 0 }));
  for (const number of range(10)) lane.add(`${number}`, 2, 0, number < 4 ? a! : b!);
  expect(lane.spill(0)).toBe(20);
  expect([lane.records, lane.bytes, lane.spooled]).toEqual([0, 0, 10]);
  await lane.load();
  const first = range(6).map(() => lane.take()!);
  expect(first.map(({ body, ordinal, records }) => [body.toString(), ordinal, records])).toEqual(
    range(6).map((number) => [`${number}`, number, 1]),
  );
  expect(first.map(({ shares }) => shares)).toEqual(
    range(6).map((number) => [{ account: number < 4 ? a : b, records: 1 }]),
  );
  for (const frame of [0, 2, 5]) lane.confirmed(first[frame]!);
  for (const frame of lane.drain(0)) expect(lane.spool(frame)).toBe(true);
  expect([lane.records, lane.spooled]).toEqual([0, 7]);
  expect(write).toHaveBeenCalledTimes(1);
  await lane.load();
  const again: (string | undefined)[] = [];
  for (let load = 0; load < 3; load++) {
    if (lane.mustLoad) await lane.load();
    for (let frame = lane.take(); frame; frame = lane.take()) again.push(frame.body.toString());
  }
  expect(again).toEqual(['1', '3', '4', '6', '7', '8', '9']);
});
