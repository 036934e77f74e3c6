import { PassThrough, Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createPassthrough } from '../../../cli/pipe/passthrough.js';

/** Accepts one chunk per release. */
function stalled() {
  let waiting: (() => void) | undefined;
  const output = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      waiting = done;
    },
  });
  return { output, release: () => waiting?.() };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const listeners = (output: Writable) => output.eventNames().map((name) => [name, output.listenerCount(name)]);

test('waits for a slow reader', async () => {
  const { output, release } = stalled();
  let next = false;
  const passed = createPassthrough(output)(Buffer.from('x')).then(() => {
    next = true;
  });
  await new Promise(setImmediate);
  expect(next).toBe(false);
  release();
  await passed;
});

test('retains nothing after waiting', async () => {
  const { output, release } = stalled();
  const passOn = createPassthrough(output);
  async function waits(times: number): Promise<void> {
    for (let turn = 0; turn < times; turn++) {
      const passed = passOn(Buffer.from('x'));
      release();
      await passed;
    }
  }
  await waits(5000);
  const [listenersBefore, bytesBefore] = [listeners(output), heapBytes()];
  await waits(20_000);
  expect(listeners(output)).toEqual(listenersBefore);
  expect(heapBytes() - bytesBefore).toBeLessThan(1024 * 1024);
});

test('does not wait for a reader that has gone, before or during a write', async () => {
  const { output } = stalled();
  const passOn = createPassthrough(output);
  const passed = passOn(Buffer.from('x'));
  output.destroy(new Error('EPIPE'));
  await passed;
  await passOn(Buffer.from('x'));
});

test('passes bytes through unchanged', async () => {
  const output = new PassThrough();
  await createPassthrough(output)(Buffer.from([0xff, 0x00, 0x0a]));
  expect(output.read()).toEqual(Buffer.from([0xff, 0x00, 0x0a]));
});
