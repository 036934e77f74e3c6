import { expect, it } from 'vitest';
import { Account } from '../../src/publisher/account.js';
import { BodyPool } from '../../src/publisher/frames.js';
import { outcomeOf, pack, settle, unpack } from '../../src/publisher/handover.js';
import { FRAME_BYTES, Lane } from '../../src/publisher/lane.js';

const NOW_MS = 1_800_000_000_000;

function laneOf(...records: string[]): Lane {
  const lane = new Lane({ service: 'shop', level: 'INFO', recordsPerMessage: 2, bodies: new BodyPool(FRAME_BYTES, 0) });
  for (const record of records) lane.add(record, Buffer.byteLength(record) + 1, NOW_MS, new Account());
  return lane;
}

const leftoverOf = (lane: Lane) => ({ service: 'shop', level: 'INFO' as const, frames: lane.drainMessages() });

it('a handover has the frames in flight, given back and waiting, and the open lines, in the order of the calls', () => {
  const lane = laneOf('1', '2', '3', '4', '5', '6');
  lane.cut();
  lane.add('ö7', 4, NOW_MS, new Account());
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

it('a lane appends a handover to its own frames, and can take over a second one', () => {
  const other = laneOf('0');
  const first = other.takeOver(unpack(pack(leftoverOf(laneOf('1', '2', '3')))));
  // The sequence numbers of adopted frames are consecutive, so one counts from the first to find a frame's outcome.
  expect(other.takeOver(unpack(pack(leftoverOf(laneOf('4')))))).toBe(first + 2);
  expect([other.records, other.bytes]).toEqual([5, 10]);
  other.cut();
  expect(other.drain().map(({ body }) => body.toString())).toEqual(['0', '1\n2', '3', '4']);
});

it('the outcome counts what became of each frame, including the parts of one that was split', () => {
  const leftover = leftoverOf(laneOf('1', '2', '3', '4', '5'));
  const packed = pack(leftover);
  settle(packed, 0, 'confirmed', 2);
  settle(packed, 1, 'confirmed', 1);
  settle(packed, 1, 'tooLarge', 1);
  const { confirmed, tooLarge, rest } = outcomeOf(leftover, packed);
  expect({ confirmed, tooLarge, rest: rest.map(({ body }) => body.toString()) }).toEqual({
    confirmed: 3,
    tooLarge: 1,
    rest: ['5'],
  });
});

it('the outcome counts all records as left over if there was no memory for the handover', () => {
  const leftover = leftoverOf(laneOf('1', '2', '3'));
  expect(outcomeOf(leftover, undefined)).toMatchObject({ confirmed: 0, tooLarge: 0, rest: leftover.frames });
});
