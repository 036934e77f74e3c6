import { Transform } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { throttleLines } from '../../transports/pino-throttle.js';

const BUFFER_BYTES = 1000;
const MUCH = `${'x'.repeat(99)}\n`.repeat(40_000);
const LITTLE = `${'x'.repeat(99)}\n`;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A throttled stream of lines, and the two numbers of the publisher that it depends on. */
function useThrottled() {
  const publisher = { confirmed: 0, pendingBytes: 0 };
  let taken = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      taken += chunk.length;
      done();
    },
  });
  throttleLines(stream, BUFFER_BYTES, () => publisher);
  return { stream: stream.resume(), publisher, taken: () => taken };
}

test('a throttled stream accepts everything at once while half of the buffer is free', () => {
  const { stream, taken } = useThrottled();
  stream.write(MUCH);
  expect(taken()).toBe(MUCH.length);
});

test('a throttled stream waits for a broker that confirms, and continues as soon as there is room', () => {
  const { stream, publisher, taken } = useThrottled();
  publisher.pendingBytes = BUFFER_BYTES;
  stream.write(MUCH);
  for (; publisher.confirmed < 100; publisher.confirmed++) vi.advanceTimersByTime(10);
  expect(taken()).toBe(0);
  publisher.pendingBytes = 0;
  vi.advanceTimersByTime(10);
  expect(taken()).toBe(MUCH.length);
});

test('a throttled stream waits three seconds in total for a slow broker, until that has caught up', () => {
  const { stream, publisher, taken } = useThrottled();
  publisher.pendingBytes = BUFFER_BYTES;
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10, publisher.confirmed++) vi.advanceTimersByTime(10);
  };
  stream.write(MUCH);
  pass(2900);
  expect(taken()).toBe(0);
  pass(200);
  expect(taken()).toBe(MUCH.length);
  stream.write(MUCH);
  expect(taken()).toBe(2 * MUCH.length);
  stream.write(LITTLE);
  pass(1000);
  expect(taken()).toBe(2 * MUCH.length);
});

test('a throttled stream waits two seconds for a broker that confirms nothing', () => {
  const { stream, publisher, taken } = useThrottled();
  publisher.pendingBytes = BUFFER_BYTES;
  stream.write(MUCH);
  vi.advanceTimersByTime(1900);
  expect(taken()).toBe(0);
  vi.advanceTimersByTime(200);
  expect(taken()).toBe(MUCH.length);
});

test('a throttled stream does not wait any more once the logger has ended', () => {
  const { stream, publisher, taken } = useThrottled();
  publisher.pendingBytes = BUFFER_BYTES;
  stream.write(MUCH);
  stream.end();
  vi.advanceTimersByTime(10);
  expect(taken()).toBe(MUCH.length);
});
