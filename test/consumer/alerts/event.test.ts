/** Alert events of a batch. */
import { expect, test, vi } from 'vitest';
import { createEventsOf } from '../../../consumer/alerts/event.js';
import { DEFAULT_RULES } from '../../../consumer/alerts/rules.js';
import type { StoredRecord } from '../../../src/record.js';
import { onEnd } from '../../support/use-servers.js';

const record = (information: string, message = 'payment failed'): StoredRecord => ({
  id: '01993f0e-0000-7000-8000-000000000001',
  service: 'shop',
  level: 'ERROR',
  message,
  information,
  timestamp: '2026-01-31T10:30:45.123456Z',
});

test('a record nested too deeply for the stack causes an alert without its information', () => {
  const warned = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  onEnd(() => warned.mockRestore());
  const depth = 400_000;
  const deep = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const events = createEventsOf(DEFAULT_RULES)([record(deep), record('{}', 'another')]);
  // At most the information of the nested record is missing.
  expect(events.map(({ title }) => title)).toContain('another');
  for (const { example } of events) expect(JSON.parse(example).information).toEqual({});
});
