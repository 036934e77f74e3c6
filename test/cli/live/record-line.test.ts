import { describe, expect, test } from 'vitest';
import { recordLine } from '../../../cli/live/record-line.js';
import type { StoredRecord } from '../../../src/record.js';

function record(fields: Partial<StoredRecord> & { information?: string } = {}): StoredRecord {
  return {
    id: '01993f0e-0000-7000-8000-000000000001',
    timestamp: '2026-01-31T10:30:45.123456Z',
    service: 'shop',
    level: 'INFO',
    message: 'order placed',
    information: '{}',
    ...fields,
  };
}

const plain = (fields?: Partial<StoredRecord>) => recordLine(record(fields), false).replace(/^\d\d:\d\d:/, 'HH:MM:');

describe('a record on a terminal', () => {
  test('is one line: time, level, service, message, information', () => {
    expect(plain({ information: '{"order":7}' })).toBe('HH:MM:45.123  INFO      shop  order placed  {"order":7}');
  });

  test('has the time of where the reader sits', () => {
    const local = new Date('2026-01-31T10:30:45.123Z').toTimeString().slice(0, 8);
    expect(recordLine(record(), false)).toMatch(new RegExp(`^${local}\\.123 `));
  });

  test('without information ends with its message', () => {
    expect(plain()).toBe('HH:MM:45.123  INFO      shop  order placed');
  });

  test("has the stack of its error below it, and the error's other fields beside the message", () => {
    const error = {
      name: 'Error',
      message: 'refused',
      stack: 'Error: refused\n    at pay (shop.js:1:2)',
      code: 'E_CARD',
    };
    expect(plain({ level: 'ERROR', message: 'payment failed', information: JSON.stringify({ order: 7, error }) })).toBe(
      [
        'HH:MM:45.123  ERROR     shop  payment failed  {"order":7,"error":{"code":"E_CARD"}}',
        '              Error: refused',
        '                  at pay (shop.js:1:2)',
      ].join('\n'),
    );
  });

  test('has the stacks of its causes below that', () => {
    const cause = { name: 'Error', message: 'limit', stack: 'Error: limit\n    at b', code: 'E_LIMIT' };
    const error = { name: 'Error', message: 'refused', stack: 'Error: refused\n    at a', cause };
    expect(plain({ information: JSON.stringify({ error }) })).toBe(
      [
        'HH:MM:45.123  INFO      shop  order placed  {"error":{"cause":{"code":"E_LIMIT"}}}',
        '              Error: refused',
        '                  at a',
        '              caused by Error: limit',
        '                  at b',
      ].join('\n'),
    );
  });

  test('continues the lines of a message below it', () => {
    expect(plain({ message: 'one\r\ntwo\nthree' })).toBe(
      'HH:MM:45.123  INFO      shop  one\n              two\n              three',
    );
  });

  test('cannot steer the terminal', () => {
    expect(plain({ message: '\x1b[2Jgone \u202egnp.exe \x07' })).toBe(
      'HH:MM:45.123  INFO      shop  \\x1b[2Jgone \\u202egnp.exe \\x07',
    );
  });

  test('is cut where it is long, and says by how much', () => {
    expect(plain({ message: 'x'.repeat(2500) })).toMatch(/x{2000}… \(500 more\)$/);
  });

  test('is coloured by its level where colours are wanted, and only there', () => {
    const esc = '\x1b[';
    expect(recordLine(record({ level: 'ERROR' }), true)).toContain(`${esc}31mERROR`);
    expect(recordLine(record({ level: 'ERROR' }), false)).not.toContain(esc);
  });
});
