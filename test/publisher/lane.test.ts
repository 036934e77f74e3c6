import { describe, expect, it } from 'vitest';
import { Account } from '../../src/publisher/account.js';
import type { Frame } from '../../src/publisher/frames.js';
import { BodyPool } from '../../src/publisher/frames.js';
import { FRAME_BYTES, Lane } from '../../src/publisher/lane.js';

const NOW_MS = 1_700_000_000_000;
const account = new Account();

function emptyLane(recordsPerMessage = Number.POSITIVE_INFINITY): Lane {
  return new Lane({
    service: 'shop',
    level: 'INFO',
    recordsPerMessage,
    bodies: new BodyPool(FRAME_BYTES, 4 * FRAME_BYTES),
  });
}

function laneWith(...lines: string[]): Lane {
  const lane = emptyLane();
  for (const line of lines) lane.add(line, line.length + 1, NOW_MS, account);
  return lane;
}

function bodies(lane: Lane): string[] {
  const found: string[] = [];
  for (let frame = lane.take(); frame; frame = lane.take()) found.push(frame.body.toString());
  return found;
}

describe('a lane', () => {
  it('gathers lines into one frame, in the order of the calls', () => {
    const lane = laneWith('a', 'b', 'c');
    lane.cut();
    expect(bodies(lane)).toEqual(['a\nb\nc']);
  });

  it('closes a frame on its own when it is full', () => {
    const lane = laneWith('x'.repeat(FRAME_BYTES - 10), 'y'.repeat(20));
    expect(lane.hasWaiting).toBe(true);
    expect(lane.take()?.records).toBe(1);
    expect(lane.hasOpenLines).toBe(true);
  });

  it('puts a line that is larger than a frame into a frame of its own', () => {
    const lane = laneWith('small', 'z'.repeat(FRAME_BYTES * 2), 'small again');
    lane.cut();
    expect(bodies(lane).map((body) => body.length)).toEqual([5, FRAME_BYTES * 2, 11]);
  });

  it('has one record per message if Python consumers read as well', () => {
    const lane = emptyLane(1);
    lane.add('a', 2, NOW_MS, account);
    lane.add('b', 2, NOW_MS, account);
    lane.cut();
    expect(bodies(lane)).toEqual(['a', 'b']);
  });

  it('puts unconfirmed frames back in order, before everything that was logged after them', () => {
    const lane = laneWith();
    for (const line of ['1', '2', '3', '4']) {
      lane.add(line, 2, NOW_MS, account);
      lane.cut();
    }
    const first = lane.take()!;
    const second = lane.take()!;
    const third = lane.take()!;
    lane.confirmed(second);
    lane.giveBack(third);
    lane.giveBack(first);
    expect(bodies(lane)).toEqual(['1', '3', '4']);
    expect(first.attempts).toBe(1);
  });

  it('drops its oldest frame first, and its open lines last', () => {
    const lane = laneWith('old');
    lane.cut();
    lane.add('new', 4, NOW_MS, account);
    expect(lane.dropOldest()).toMatchObject([{ body: Buffer.from('old') }]);
    expect(lane.dropOldest()).toMatchObject([{ body: Buffer.from('new') }]);
    expect(lane.dropOldest()).toEqual([]);
    expect(lane.isEmpty).toBe(true);
  });

  it('never drops frames in flight', () => {
    const lane = laneWith('on its way');
    lane.cut();
    lane.take();
    expect(lane.dropOldest()).toEqual([]);
    expect(lane.records).toBe(1);
  });

  it('calls a watcher once, when everything that was logged before it is confirmed or dropped', () => {
    const lane = laneWith('a');
    lane.cut();
    const inFlight = lane.take()!;
    lane.add('b', 2, NOW_MS, account);
    const notified: string[] = [];
    expect(lane.watch(() => notified.push('first'))).toBe(true);
    lane.add('logged later, in the same open frame', 10, NOW_MS, account);
    lane.cut();
    lane.add('c', 2, NOW_MS, account);
    lane.watch(() => notified.push('second'));
    lane.confirmed(inFlight);
    expect(notified).toEqual([]);
    lane.dropOldest();
    expect(notified).toEqual(['first']);
    for (const frame of lane.drain()) lane.finished(frame);
    expect(notified).toEqual(['first', 'second']);
    expect(lane.watch(() => notified.push('never'))).toBe(false);
  });

  it('splits frames larger than the broker allows, in order, and drops only records too large by themselves', () => {
    const lane = laneWith('1', '22', '333', '4444');
    lane.cut();
    const first = lane.take()!;
    for (const text of ['5', 'x'.repeat(9), '6']) lane.add(text, text.length + 1, NOW_MS, account);
    let notified = 0;
    lane.watch(() => notified++);
    lane.giveBack(first);
    expect(lane.limitBodies(5).map(({ body }) => body.toString())).toEqual(['x'.repeat(9)]);
    for (const text of ['7', '8', '9', '0']) lane.add(text, 2, NOW_MS, account);
    lane.cut();
    const [one, two, three] = [lane.take()!, lane.take()!, lane.take()!];
    expect([one, two, three].map(({ body }) => body.toString())).toEqual(['1\n22', '333', '4444']);
    for (const frame of [three, one]) lane.giveBack(frame);
    lane.confirmed(two);
    expect(notified).toBe(0);
    const rest = [lane.take()!, lane.take()!, lane.take()!, lane.take()!, lane.take()!, lane.take()!];
    expect(rest.map(({ body }) => body.toString())).toEqual(['1\n22', '4444', '5', '6', '7\n8\n9', '0']);
    for (const frame of rest.slice(0, 4)) lane.confirmed(frame);
    expect(notified).toBe(1);
    for (const frame of rest.slice(4)) lane.confirmed(frame);
    expect(lane.isEmpty).toBe(true);
    expect(lane.bytes).toBe(0);
  });

  it('knows whose records a frame contains, even after it was split', () => {
    const lane = emptyLane();
    const other = new Account();
    for (const [text, whose] of [
      ['1', account],
      ['22', account],
      ['333', other],
      ['4444', account],
    ] as const)
      lane.add(text, text.length + 1, NOW_MS, whose);
    lane.cut();
    const sharesOf = (frame: Frame) => frame.shares.map((share) => [share.account === other, share.records]);
    const frame = lane.take()!;
    expect(sharesOf(frame)).toEqual([
      [false, 2],
      [true, 1],
      [false, 1],
    ]);
    lane.giveBack(frame);
    lane.limitBodies(8);
    expect([lane.take()!, lane.take()!].map(sharesOf)).toEqual([
      [
        [false, 2],
        [true, 1],
      ],
      [[false, 1]],
    ]);
  });

  it('stamps a frame with the second of its first logging call', () => {
    const lane = laneWith('a');
    lane.add('b', 2, NOW_MS + 5000, account);
    lane.cut();
    expect(lane.take()?.madeAtS).toBe(NOW_MS / 1000);
  });

  it('stamps a message of one record with the second of its own logging call, however long it waits', () => {
    const lane = emptyLane(1);
    for (const ms of [0, 999, 1000, 5000]) lane.add(`${ms}`, 5, NOW_MS + ms, account);
    lane.cut();
    const stamps = [1, 2, 3, 4].map(() => lane.take()!.madeAtS - NOW_MS / 1000);
    expect(stamps).toEqual([0, 0, 1, 5]);
  });

  it('stores text in any script byte for byte, up to the last byte of a frame', () => {
    const lane = emptyLane();
    const lines = ['plain', 'ü€😀', '', 'x'.repeat(FRAME_BYTES - 'plain'.length - Buffer.byteLength('ü€😀') - 4)];
    for (const line of lines) lane.add(line, Buffer.byteLength(line) + 1, NOW_MS, account);
    expect(lane.hasOpenLines).toBe(false);
    expect(bodies(lane)).toEqual([lines.join('\n')]);
  });

  it('reuses the memory of a frame only after its confirm', () => {
    const lane = emptyLane();
    const long = (letter: string) => letter.repeat(FRAME_BYTES - 1);
    const add = (letter: string) => lane.add(long(letter), FRAME_BYTES, NOW_MS, account);
    add('a');
    add('b');
    const first = lane.take()!;
    lane.giveBack(first);
    const again = lane.take()!;
    const second = lane.take()!;
    add('c');
    expect([again, second].map(({ body }) => body.toString())).toEqual([long('a'), long('b')]);
    lane.confirmed(again);
    lane.confirmed(again);
    add('d');
    add('e');
    expect(second.body.toString()).toBe(long('b'));
    expect(bodies(lane)).toEqual([long('c'), long('d'), long('e')]);
    expect(again.body.toString()).toBe(long('d'));
  });

  it('does not keep the memory of a whole frame for a few waiting lines', () => {
    const lane = laneWith('a', 'b');
    lane.cut();
    expect(lane.take()!.body.buffer.byteLength).toBeLessThan(FRAME_BYTES);
  });
});
