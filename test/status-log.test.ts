import { expect, test } from 'vitest';
import { StatusLog } from '../src/status-log.js';

function useLog() {
  const lines: string[] = [];
  return { lines, log: new StatusLog((sentence, level) => lines.push(`${level}: ${sentence}`)) };
}

test('a state is reported when it changes, not each time it is detected', () => {
  const { lines, log } = useLog();
  expect(log.report('broker', 'it is away')).toBe(true);
  expect(log.report('broker', 'it is away')).toBe(false);
  log.report('broker', 'it is there', 'info');
  log.report('broker', 'it is away');
  expect(lines).toEqual(['warning: it is away', 'info: it is there', 'warning: it is away']);
});

test('topics are independent of each other', () => {
  const { lines, log } = useLog();
  for (const topic of ['broker', 'storage', 'broker', 'storage']) log.report(topic, `${topic} is away`);
  expect(lines).toHaveLength(2);
});

test('a state that has ended is not listed, and is reported when it begins again', () => {
  const { lines, log } = useLog();
  log.report('queue', 'it is refused');
  log.report('table', 'it is locked');
  expect(log.all).toEqual(['it is refused', 'it is locked']);
  log.report('queue', undefined);
  expect(log.all).toEqual(['it is locked']);
  log.report('queue', 'it is refused');
  expect(lines).toHaveLength(3);
  expect(log.all).toEqual(['it is locked', 'it is refused']);
});

test('a message without a topic is reported once', () => {
  const { lines, log } = useLog();
  expect([log.once('a'), log.once('b'), log.once('a')]).toEqual([true, true, false]);
  expect(lines).toEqual(['warning: a', 'warning: b']);
});
