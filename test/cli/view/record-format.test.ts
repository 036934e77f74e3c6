import { describe, expect, test } from 'vitest';
import { selectFields } from '../../../cli/view/field-selection.js';
import { createFormat, type FormatOptions } from '../../../cli/view/record-format.js';
import { parseTemplate } from '../../../cli/view/template.js';
import { Expected } from '../../../src/settings/option.js';
import type { StoredRecord } from '../../../src/stored-record.js';

const RECORD: StoredRecord = {
  id: '01993f0e-0000-7000-8000-000000000001',
  timestamp: '2026-01-31T10:30:45.123456Z',
  service: 'shop',
  level: 'ERROR',
  message: 'payment failed',
  information: '{"order":{"id":12345678901234567890,"total":9.50},"customer":"c-12","a.b":1}',
};

function output(options: Partial<FormatOptions>, records: readonly StoredRecord[] = [RECORD]): string {
  const format = createFormat({
    name: 'pretty',
    color: false,
    timeZone: 'Europe/Berlin',
    isTerminal: false,
    isEndless: false,
    ...options,
  });
  return format.begin() + records.map((record) => format.record(record)).join('') + format.end();
}

test('json is one array, with all digits of numbers', () => {
  const text = output({ name: 'json' }, [RECORD, RECORD]);
  expect(JSON.parse(text)).toHaveLength(2);
  expect(text).toContain('{"id":12345678901234567890,"total":9.50}');
  expect(JSON.parse(output({ name: 'json' }, []))).toEqual([]);
});

test('json of records without end, and ndjson, are one object per line', () => {
  const lines = output({ name: 'ndjson' }, [RECORD, RECORD]);
  expect(lines).toMatch(/^\{.*\}\n\{.*\}\n$/);
  expect(output({ name: 'json', isEndless: true }, [RECORD, RECORD])).toBe(lines);
});

test('csv quotes what needs quotes, and has a column for each field asked for', () => {
  const record = { ...RECORD, message: 'a "b", c\nd' };
  expect(output({ name: 'csv' }, [record])).toBe(
    `id,ts,service,level,message,information\n${RECORD.id},${RECORD.timestamp},shop,ERROR,"a ""b"", c\nd","${RECORD.information.replaceAll('"', '""')}"\n`,
  );
  expect(output({ name: 'csv', fields: ['order.id', 'customer', 'none'] })).toBe(
    `id,ts,service,level,message,order.id,customer,none\n${RECORD.id},${RECORD.timestamp},shop,ERROR,payment failed,12345678901234567890,c-12,\n`,
  );
});

test('raw is the message alone', () => {
  expect(output({ name: 'raw' })).toBe('payment failed\n');
});

test.each(['raw', 'csv', 'template'] as const)(
  '%s passes control characters on to programs, and shows them on a terminal',
  (name) => {
    const record = { ...RECORD, message: '\x1b[2J\x07' };
    const template = parseTemplate('{message}');
    expect(output({ name, template }, [record])).toContain('\x1b[2J\x07');
    expect(output({ name, template, isTerminal: true }, [record])).toContain('\\x1b[2J\\x07');
  },
);

describe('a template', () => {
  const filled = (template: string) => output({ name: 'template', template: parseTemplate(template) });

  test.each([
    ['{time} {level} {service}: {message}', '2026-01-31 11:30:45.123 ERROR shop: payment failed'],
    ['{ts} {id}', `${RECORD.timestamp} ${RECORD.id}`],
    ['{order.id}/{ customer }/{a.b}/{none}', '12345678901234567890/c-12/1/'],
    ['{order}', '{"id":12345678901234567890,"total":9.50}'],
    ['{{{level}}}\\t\\n\\\\n', '{ERROR}\t\n\\n'],
    ['plain', 'plain'],
  ])('%s becomes %s', (template, text) => {
    expect(filled(template)).toBe(`${text}\n`);
  });

  test.each(['', '{', '{level', 'level}', '{}', '{a{b}}'])('%j is refused', (template) => {
    expect(() => parseTemplate(template)).toThrow(Expected);
  });
});

describe('selected fields', () => {
  test.each([
    [{ fields: ['order'] }, '{"order":{"id":12345678901234567890,"total":9.50}}'],
    [{ fields: ['order.id'] }, '{"order":{"id":12345678901234567890}}'],
    [{ fields: ['a.b', 'none'] }, '{"a.b":1}'],
    [{ fields: ['customer.name'] }, '{}'],
    [{ hide: ['order', 'a.b'] }, '{"customer":"c-12"}'],
    [{ hide: ['order.total', 'customer', 'a.b'] }, '{"order":{"id":12345678901234567890}}'],
    [{ hide: ['order.total', 'order.id', 'customer', 'a.b'] }, '{}'],
    [{ fields: ['order', 'customer'], hide: ['order.id'] }, '{"order":{"total":9.50},"customer":"c-12"}'],
    [{ hide: ['ord', 'customer.x'] }, RECORD.information],
  ])('%j of the record are %s', (selection, information) => {
    expect(selectFields(RECORD.information, selection)).toBe(information);
  });

  test('apply to every format', () => {
    const selection = { hide: ['order', 'a.b'] };
    expect(output({ ...selection })).toMatch(/payment failed {2}customer=c-12\n$/);
    expect(JSON.parse(output({ ...selection, name: 'ndjson' })).information).toEqual({ customer: 'c-12' });
  });
});
