import fs from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';
import { diagnosticLogger, internalLogger, withDiagnosticsTo } from '../src/internal-logger.js';
import { onEnd } from './support/use-servers.js';

let lines: string[];

beforeEach(() => {
  lines = [];
  const write = vi.spyOn(fs, 'writeSync').mockImplementation((_fd: number, text: unknown) => lines.push(String(text)));
  onEnd(() => {
    write.mockRestore();
    internalLogger.setLevel('INFO');
  });
});

test('a line has its time and level, and ends with a full stop', () => {
  internalLogger.warning('something happened');
  internalLogger.info('something else happened. It is over.');
  expect(lines.join('')).toMatch(
    /^\[loghive\] \d{4}-\d\d-\d\dT[\d:.]+Z WARNING something happened\.\n\[loghive\] \S+ INFO something else happened\. It is over\.\n$/,
  );
});

test('a message of several lines stays one entry', () => {
  internalLogger.error('first\nsecond');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/ERROR first\n {4}second\.\n$/);
});

test.each(['\x1b[2J', '\x9b2J', '\x07', '\x7f', '\r', '\u2028', '\u0085', '\u202e', '\u2066'])(
  'a message that quotes others can neither control the terminal nor forge a line: %j',
  (steering) => {
    internalLogger.warning(`the broker said: x${steering}[loghive] 2026-01-31T10:30:45.123Z ERROR forged`);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(steering);
    expect(lines[0]).toMatch(/^\[loghive\] \S+ WARNING the broker said: x\\[^\n]*\n$/);
  },
);

test('lines below the set level are omitted', () => {
  internalLogger.debug('omitted');
  internalLogger.setLevel('error');
  internalLogger.warning('omitted');
  internalLogger.error('logged');
  expect(lines).toHaveLength(1);
});

test.each(['critical', 'fatal', 'emerg'])('no level hides an error (%s)', (level) => {
  internalLogger.setLevel(level);
  internalLogger.error('records are lost');
  expect(lines).toHaveLength(1);
});

test('a stderr that accepts nothing causes no error', () => {
  vi.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
  });
  expect(() => internalLogger.error('not written')).not.toThrow();
});

test('the lines of a producer can be passed to a function instead', () => {
  const received: string[] = [];
  const log = diagnosticLogger((line) => received.push(line));
  log.warning('of this producer');
  log.debug('below the level');
  internalLogger.warning('of another one');
  expect(received).toEqual([expect.stringMatching(/^\[loghive\] \S+ WARNING of this producer\.$/)]);
  expect(lines).toEqual([expect.stringMatching(/ of another one\.\n$/)]);
  expect(diagnosticLogger(undefined)).toBe(internalLogger);
});

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('broken');
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken'))],
])('a line goes to stderr if this function %s', async (_what, broken) => {
  const log = diagnosticLogger(broken as () => void);
  log.warning('important');
  await vi.waitFor(() => expect(lines).toEqual([expect.stringMatching(/ WARNING important\.\n$/)]));
});

test('a line that this function itself causes goes to stderr', () => {
  const log = diagnosticLogger(() => log.warning('from inside'));
  log.warning('from outside');
  expect(lines).toEqual([expect.stringMatching(/ from inside\.\n$/)]);
});

test('lines that are logged while a producer is created can be passed to its function', () => {
  const received: string[] = [];
  const result = withDiagnosticsTo(
    (line) => received.push(line),
    () => {
      internalLogger.warning('a wrong setting');
      return 7;
    },
  );
  internalLogger.warning('later');
  expect(result).toBe(7);
  expect(received).toHaveLength(1);
  expect(lines).toHaveLength(1);
});
