import { expect, it } from 'vitest';
import { Account, BodyPool } from '../../src/publisher/frames.js';
import { outcomeOf, pack, settle, unpack } from '../../src/publisher/handover.js';
import { FRAME_BYTES, Lane } from '../../src/publisher/lane.js';

const NOW_MS = 1_800_000_000_000;

function laneOf(...records: string[]): Lane {
  const lane = new Lane('shop', 'INFO', 2, new BodyPool(FRAME_BYTES, 0));
  for (const record of records) lane.add(record, Buffer.byteLength(record) + 1, NOW_MS, new Account());
  return lane;
}

const leftoverOf = (lane: Lane) => ({ service: 'shop', level: 'INFO' as const, frames: lane.drain(NOW_MS) });

it('hands over what is in flight, given back, waiting and still open, in the order of the calls', () => {
  const lane = laneOf('1', '2', '3', '4', '5', '6', 'ö7');
  const [first, second] = [lane.take()!, lane.take()!];
  lane.giveBack(first);
  void second;
  const packed = pack(leftoverOf(lane));
  expect([lane.records, lane.bytes, lane.framesInFlight, lane.hasOpenLines]).toEqual([0, 0, 0, false]);
  const frames = [...unpack(packed)];
  expect(frames.map(({ body }) => body.toString())).toEqual(['1\n2', '3\n4', '5\n6', 'ö7']);
  expect(frames.map(({ records, madeAtS }) => [records, madeAtS])).toEqual([
    [2, NOW_MS / 1000],
    [2, NOW_MS / 1000],
    [2, NOW_MS / 1000],
    [1, NOW_MS / 1000],
  ]);
});

it('is taken over behind what a lane has, and can be taken over twice', () => {
  const other = laneOf('0');
  const first = other.adopt(unpack(pack(leftoverOf(laneOf('1', '2', '3')))));
  // The place of a frame in what was handed over is how far it stands behind the first.
  expect(other.adopt(unpack(pack(leftoverOf(laneOf('4')))))).toBe(first + 2);
  expect([other.records, other.bytes]).toEqual([5, 10]);
  other.cut(NOW_MS);
  expect(other.drain(NOW_MS).map(({ body }) => body.toString())).toEqual(['0', '1\n2', '3', '4']);
});

it('counts what became of each frame, the parts of one that was split included', () => {
  const leftover = leftoverOf(laneOf('1', '2', '3', '4', '5'));
  const packed = pack(leftover);
  settle(packed, 0, 'confirmed', 2);
  settle(packed, 1, 'confirmed', 1);
  settle(packed, 1, 'tooLarge', 1);
  const { confirmed, tooLarge, rest, restRecords } = outcomeOf(leftover, packed);
  expect({ confirmed, tooLarge, restRecords, rest: rest.map(({ body }) => body.toString()) }).toEqual({
    confirmed: 3,
    tooLarge: 1,
    restRecords: 1,
    rest: ['5'],
  });
});

it('counts everything as left where there was no memory to hand it over', () => {
  const leftover = leftoverOf(laneOf('1', '2', '3'));
  expect(outcomeOf(leftover, undefined)).toMatchObject({ confirmed: 0, tooLarge: 0, restRecords: 3 });
});
