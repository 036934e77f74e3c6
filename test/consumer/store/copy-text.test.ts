import { expect, it } from 'vitest';
import { copyText } from '../../../consumer/store/copy-text.js';
import type { StoredRecord } from '../../../src/record.js';
import { item, itemList } from './database.js';

const textOf = (records: StoredRecord[]) => Buffer.concat([...copyText(records)]);

const id = '01993f0e-0000-7000-8000-000000000000';
const timestamp = '2026-01-31T10:30:45.123456Z';

it('writes one line per record, with fields in column order', () => {
  const { record } = item({ id, timestamp, service: 'shop', level: 'ERROR', message: 'no', information: '{"a":1}' });
  expect(textOf([record, record]).toString()).toBe(`${id}\t${timestamp}\tshop\tERROR\tno\t{"a":1}\n`.repeat(2));
});

it('escapes what is special in COPY: backslash, tab and line breaks', () => {
  const { record } = item({ id, timestamp, service: 'a\\b', message: '\\.\t\n\r\\N', information: '{"a":"\\n"}' });
  expect(textOf([record]).toString()).toBe(`${id}\t${timestamp}\ta\\\\b\tINFO\t\\\\.\\t\\n\\r\\\\N\t{"a":"\\\\n"}\n`);
});

it('writes UTF-8', () => {
  const { record } = item({ message: 'Grüße 漢字 🎉' });
  expect(textOf([record]).includes(Buffer.from('Grüße 漢字 🎉'))).toBe(true);
});

it('writes each record with its own service', () => {
  const records = ['a', 'b\t', 'a'].map((service) => item({ service }).record);
  const services = textOf(records)
    .toString()
    .split('\n')
    .slice(0, 3)
    .map((line) => line.split('\t')[2]);
  expect(services).toEqual(['a', 'b\\t', 'a']);
});

it('yields nothing for an empty batch', () => {
  expect(textOf([])).toHaveLength(0);
});

it('yields pieces of whole lines', () => {
  const records = itemList(2000, () => ({ message: 'x'.repeat(200) })).map(({ record }) => record);
  const pieces = [...copyText(records)];
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.every((piece) => piece.length < 80_000 && piece.at(-1) === 0x0a)).toBe(true);
  expect(textOf(records).toString().split('\n')).toHaveLength(2001);
});

it('writes a long text in many pieces without splitting a character', () => {
  for (const start of ['', 'x']) {
    const message = `${start}${'😀\n\\'.repeat(100_000)}`;
    const { record } = item({
      id,
      timestamp,
      message,
      information: `{"a":"${message.replaceAll('\n', '').replaceAll('\\', '')}"}`,
    });
    const pieces = [...copyText([record, item({ id, timestamp, message: 'next' }).record])];
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(256 * 1024);
    const [first, second] = Buffer.concat(pieces).toString().split('\n');
    const [, , , , text, information] = first!.split('\t');
    expect(text).toBe(message.replaceAll('\\', '\\\\').replaceAll('\n', '\\n'));
    expect(information).toBe(record.information);
    expect(second).toContain('\tnext\t');
  }
});
