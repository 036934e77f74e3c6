import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BodyPool, freshFrame } from '../../../src/publisher/frames.js';
import { FRAME_BYTES, Lane } from '../../../src/publisher/lane.js';
import type { LaneSpool } from '../../../src/publisher/spool/lane-spool.js';
import { Segment } from '../../../src/publisher/spool/segment.js';
import { formatName, parseName } from '../../../src/publisher/spool/segment-name.js';
import { Spool } from '../../../src/publisher/spool/spool.js';
import { MIB, range, useFolder } from './use-publishers.js';

const LIMITS = { bytes: FRAME_BYTES, spanS: Number.POSITIVE_INFINITY, ordinal: 0 };

// No write counts as slow, however busy the machine is.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

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
  expect(lane.spill()).toBe(6);
  lane.add('3', 2, 0, account);
  lane.cut();
  await lane.load();
  const first = lane.take()!;
  expect([first.body.toString(), lane.records, lane.spooled]).toEqual(['0', 4, 0]);
  // At the end of a script, in flight or not.
  for (const frame of lane.drain()) expect(lane.spool(frame)).toBe(true);
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
  expect(lane.spill()).toBe(20);
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
  for (const frame of lane.drain()) expect(lane.spool(frame)).toBe(true);
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

it('records that must keep their times are read as frames of one second each', async () => {
  const laneSpool = useSpool().lane('shop', 'INFO');
  for (const [ordinal, madeAtS] of [10, 10, 11].entries()) {
    const body = Buffer.from(`${ordinal}`);
    const frame = { ordinal, sequence: ordinal, body, memory: undefined, records: 1, shares: [], bytes: 2, madeAtS };
    expect(laneSpool.add(freshFrame(frame))).toBe(true);
  }
  const { frames } = (await laneSpool.load({ ...LIMITS, spanS: 0 }))!;
  expect(frames.map(({ body, madeAtS }) => [body.toString(), madeAtS])).toEqual([
    ['0\n1', 10],
    ['2', 11],
  ]);
});

it('an empty file of a process that is gone is deleted, and holds up nothing', async () => {
  const spool = useSpool();
  const laneSpool = spool.lane('shop', 'INFO');
  const folder = spool.folderOf('shop');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = { level: 'INFO', number: 1, owner: 'free', start: 0 } as const;
  const file = path.join(folder, formatName(name));
  writeFileSync(file, '');
  laneSpool.adopt(spool.adopted('shop', name, 0));
  expect(existsSync(file)).toBe(false);
  expect([laneSpool.isEmpty, await laneSpool.load(LIMITS)]).toEqual([true, undefined]);
});

describe('a file that cannot be read', () => {
  const failure = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });

  it('at the moment is read a second later', async () => {
    const laneSpool = useSpool().lane('shop', 'INFO');
    put(laneSpool, 0);
    vi.spyOn(Segment.prototype, 'read').mockRejectedValueOnce(failure);
    const loaded = await laneSpool.load(LIMITS);
    expect(loaded).toMatchObject({ frames: [{ ordinal: 0 }], lost: undefined, fault: undefined });
  });

  it('is kept for a later process, and its records are counted', async () => {
    const spool = useSpool();
    const laneSpool = spool.lane('shop', 'INFO');
    for (const ordinal of range(3)) put(laneSpool, ordinal);
    vi.spyOn(Segment.prototype, 'read').mockRejectedValue(failure);
    const loaded = await laneSpool.load(LIMITS);
    expect(loaded).toMatchObject({ frames: [], lost: { ordinal: 0, records: 1 } });
    expect(loaded?.fault).toContain('too many open files');
    expect(laneSpool.records).toBe(2);
    const left = readdirSync(spool.folderOf('shop')).map((file) => parseName(file)?.owner);
    expect(left.filter((owner) => owner === 'free')).toHaveLength(1);
    const before = spool.status().bytes;
    await laneSpool.load(LIMITS);
    await laneSpool.load(LIMITS);
    expect([laneSpool.records, laneSpool.isEmpty]).toEqual([0, true]);
    const owners = readdirSync(spool.folderOf('shop')).map((file) => parseName(file)?.owner);
    expect(owners.every((owner) => owner === 'free')).toBe(true);
    // What is left to others does not count any more.
    expect([before > 0, spool.status().bytes]).toEqual([true, 0]);
  });

  it('because it was left to the next process in the meantime is not touched', async () => {
    const spool = useSpool();
    const laneSpool = spool.lane('shop', 'INFO');
    put(laneSpool, 0);
    vi.spyOn(Segment.prototype, 'read').mockImplementationOnce(async () => {
      spool.release();
      throw failure;
    });
    expect(await laneSpool.load(LIMITS)).toBeUndefined();
    expect(readdirSync(spool.folderOf('shop')).map((file) => parseName(file)?.owner)).toEqual(['free']);
  });
});

describe('in mode always, records that were logged while the disk was away', () => {
  function useLane() {
    const laneSpool = useSpool().lane('shop', 'INFO');
    const settings = { service: 'shop', level: 'INFO', recordsPerMessage: Number.POSITIVE_INFINITY } as const;
    const lane = new Lane({ ...settings, bodies: new BodyPool(FRAME_BYTES, 0), spool: laneSpool, spoolsAlways: true });
    const account = { pending: 0, confirmed: 0, unsent: 0 };
    const add = (line: string) => lane.add(line, line.length + 1, 0, account);
    const addUnplaced = (line: string) => {
      vi.spyOn(laneSpool, 'write').mockReturnValueOnce(undefined);
      add(line);
    };
    return { lane, laneSpool, add, addUnplaced };
  }

  it('and move there between two others are not sent twice', async () => {
    const { lane, add, addUnplaced } = useLane();
    addUnplaced('away');
    add('first');
    expect(lane.spill()).toBeGreaterThan(0);
    add('second');
    lane.cut();
    while (lane.spill() > 0);
    const sent: string[] = [];
    while (lane.mustLoad) {
      const loaded = await lane.load();
      expect([loaded?.lost, loaded?.fault]).toEqual([undefined, undefined]);
      for (let frame = lane.take(); frame; frame = lane.take()) {
        sent.push(frame.body.toString());
        lane.confirmed(frame);
      }
    }
    expect(sent.join('\n')).toBe('away\nfirst\nsecond');
    expect([lane.isEmpty, lane.records, lane.bytes, lane.spooled]).toEqual([true, 0, 0, 0]);
  });

  it('and are dropped from there take no others with them', async () => {
    const { lane, laneSpool, add, addUnplaced } = useLane();
    add('first');
    addUnplaced('away');
    add('last');
    lane.cut();
    // All but the last.
    for (const _ of range(2)) expect(lane.spill()).toBeGreaterThan(0);
    expect(laneSpool.dropOldest()).toMatchObject([{ ordinal: 0 }]);
    expect(laneSpool.dropOldest()).toMatchObject([{ ordinal: 1 }]);
    for (const frame of lane.drain()) expect(lane.spool(frame)).toBe(true);
    await lane.load();
    expect(lane.take()?.body.toString()).toBe('last');
  });
});

it('records behind a damaged line keep their places', async () => {
  const spool = useSpool();
  const laneSpool = spool.lane('shop', 'INFO');
  for (const ordinal of range(3)) {
    const body = Buffer.from(`${ordinal}`.repeat(9));
    const frame = {
      ordinal,
      sequence: ordinal,
      body,
      memory: undefined,
      records: 1,
      shares: [],
      bytes: 10,
      madeAtS: 1,
    };
    expect(laneSpool.add(freshFrame(frame))).toBe(true);
  }
  const [file] = readdirSync(spool.folderOf('shop'));
  const place = path.join(spool.folderOf('shop'), file!);
  writeFileSync(place, readFileSync(place, 'utf8').replace('111111111', '1111x1111'));
  const { frames } = (await laneSpool.load(LIMITS))!;
  const content = readFileSync(place, 'utf8');
  expect(
    frames.map((frame) => [frame.body.toString(), content.slice(frame.place!.range.start, frame.place!.range.end)]),
  ).toEqual([
    ['000000000', expect.stringMatching(/^[0-9a-f ]{27}000000000\n$/)],
    ['222222222', expect.stringMatching(/^[0-9a-f ]{27}222222222\n$/)],
  ]);
});

it('what was in flight while others were written is found in front of them by a later process', async () => {
  const spool = useSpool();
  const bodies = new BodyPool(FRAME_BYTES, 0);
  const settings = { service: 'shop', level: 'INFO', recordsPerMessage: 1, bodies } as const;
  const lane = new Lane({ ...settings, spool: spool.lane('shop', 'INFO') });
  const account = { pending: 0, confirmed: 0, unsent: 0 };
  const add = (number: number) => lane.add(`${number}`, 2, 0, account);
  // 0 was on disk and is in flight, so is 1, which never was; 2 is on disk.
  add(0);
  lane.spill();
  await lane.load();
  lane.take();
  add(1);
  lane.cut();
  lane.take();
  add(2);
  lane.spill();
  const frames = lane.drain();
  for (const frame of frames.filter(({ place }) => place)) expect(lane.spool(frame)).toBe(true);
  for (const frame of frames.filter(({ place }) => !place)) expect(lane.spool(frame)).toBe(true);
  spool.release();
  const folder = spool.folderOf('shop');
  const names = readdirSync(folder).map((file) => parseName(file)!);
  const inOrder = names.sort((a, b) => a.number - b.number).map((name) => path.join(folder, formatName(name)));
  const content = inOrder.map((file) => readFileSync(file, 'utf8')).join('');
  expect(content.match(/\d(?=\n)/g)).toEqual(['0', '1', '2']);
});
