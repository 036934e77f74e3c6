import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { LiveView } from '../../../cli/view/live-view.js';
import { createFormat } from '../../../cli/view/record-format.js';
import type { StoredRecord } from '../../../src/record.js';

let made = 0;
function records(count: number, message = 'hello'): StoredRecord[] {
  return Array.from({ length: count }, () => ({
    id: `01993f0e-0000-7000-8000-${String(++made).padStart(12, '0')}`,
    timestamp: '2026-01-31T10:30:45.123456Z',
    service: 'shop',
    level: 'INFO' as const,
    message,
    information: '{"order":7}',
  }));
}

/** Accepts nothing until `release()`, like a suspended terminal. */
function stalled() {
  const waiting: (() => void)[] = [];
  const written: string[] = [];
  let open = false;
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      if (open) done();
      else waiting.push(done);
    },
  });
  const release = () => {
    open = true;
    for (const done of waiting.splice(0)) done();
  };
  return { stream, release, text: () => written.join('') };
}

function useView(stream: Writable, name: 'pretty' | 'ndjson') {
  const format = createFormat({ name, color: false, timeZone: 'UTC', isTerminal: false, isEndless: true });
  return new LiveView({ stream, format, whenBehind: name === 'pretty' ? 'skip' : 'wait' });
}

const textOf = (stream: PassThrough) => String(stream.read() ?? '');

describe('the live view', () => {
  test('shows a line for each record', async () => {
    const stream = new PassThrough();
    await useView(stream, 'pretty').show(records(2));
    expect(textOf(stream)).toMatch(/^2026-01-31 \S+ {2}INFO {6}shop {2}hello {2}order=7\n2026-01-31 \S+ .*\n$/);
  });

  test('shows a redelivered record once', async () => {
    const stream = new PassThrough();
    const view = useView(stream, 'pretty');
    const [one] = records(1);
    await view.show([one!, one!]);
    await view.show([one!]);
    expect(textOf(stream).trim().split('\n')).toHaveLength(1);
  });

  test("as JSON has the table's columns, one record per line", async () => {
    const stream = new PassThrough();
    const [one] = records(1, 'with "quotes"');
    await useView(stream, 'ndjson').show([one!]);
    const { timestamp: ts, ...columns } = one!;
    expect(JSON.parse(textOf(stream))).toEqual({ ...columns, information: { order: 7 }, ts });
  });

  test('as JSON is one line per record with unchanged values, whatever they contain', async () => {
    const stream = new PassThrough();
    const [one] = records(1, 'a\x9b2J\u2028\x7f\u202e');
    const forged = JSON.stringify({ ...one, service: 'bank' });
    const information = `{"n":12345678901234567890,\n"forged":\r\n${forged}\n,"c1":"\x9b\u0085\u2029\u2066"}`;
    await useView(stream, 'ndjson').show([{ ...one!, service: 'x\u0085', information }]);
    const text = textOf(stream);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\u2066]/);
    expect(text).toMatch(/^[^\n]*"n":12345678901234567890,[^\n]*\n$/);
    const { timestamp: ts, ...columns } = one!;
    expect(JSON.parse(text)).toEqual({ ...columns, service: 'x\u0085', information: JSON.parse(information), ts });
  });

  test('is not blocked by a slow terminal: it counts and reports what it skips', async () => {
    const { stream, release, text } = stalled();
    const view = useView(stream, 'pretty');
    const long = 'x'.repeat(1500);
    for (let at = 0; at < 20; at++) await view.show(records(100, long));
    const shown = stream.writableLength;
    expect(shown).toBeLessThan(1.3 * 1024 * 1024);
    release();
    await expect.poll(text).toMatch(/… \d+ records skipped: the terminal is too slow to show them\n$/);
    const [, skipped] = /… (\d+) records skipped/.exec(text())!;
    expect(text().match(/hello|x{1500}/g)!.length + Number(skipped)).toBe(2000);
  });

  test('as JSON skips nothing: it waits for the reader', async () => {
    const { stream, release, text } = stalled();
    const view = useView(stream, 'ndjson');
    let done = false;
    const showing = view.show(records(1000)).then(() => {
      done = true;
    });
    await new Promise(setImmediate);
    expect(done).toBe(false);
    release();
    await showing;
    expect(text().trim().split('\n')).toHaveLength(1000);
  });

  test('does not wait for a reader that has gone', async () => {
    const { stream } = stalled();
    stream.on('error', () => {});
    const view = useView(stream, 'ndjson');
    const showing = view.show(records(1000));
    stream.destroy(new Error('EPIPE'));
    await showing;
    await view.show(records(1));
  });
});
