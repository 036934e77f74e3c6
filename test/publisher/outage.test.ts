import { EventEmitter } from 'node:events';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { PublishChannel } from '../../src/amqp/publish-channel.js';
import { LoghiveError } from '../../src/errors.js';
import { reportOutages } from '../../src/publisher/outage.js';
import type { PublisherEvents } from '../../src/publisher/status.js';

const MINUTE_MS = 60_000;
const refused = new LoghiveError('LOGHIVE_BROKER_UNREACHABLE', 'nothing listens at broker:5672');
const host = { hostname: 'broker', port: 5672 };

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

/** A connection whose state the test sets, and what is reported about it. */
function useReports() {
  const connection = { events: new EventEmitter(), state: 'waiting', status: () => ({ state: connection.state }) };
  const channel = { events: new EventEmitter(), connection };
  const lines: string[] = [];
  const to = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log = {
    setLevel() {},
    level: 'INFO' as const,
    debug: to('DEBUG'),
    info: to('INFO'),
    warning: to('WARNING'),
    error: to('ERROR'),
  };
  const events = new EventEmitter<PublisherEvents>();
  const codes: string[] = [];
  events.on('warning', ({ code }) => codes.push(code));
  const pending = { records: 3 };
  const { stop } = reportOutages(channel as unknown as PublishChannel, { events, log }, () => pending.records);
  return { connection, channel, lines, codes, pending, stop };
}

test('an outage is reported again after 1, 5 and 15 minutes, then every 15 minutes, from 5 minutes on as an error', () => {
  const { connection, lines, codes, pending } = useReports();
  connection.events.emit('failed', refused);
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(MINUTE_MS);
  expect(lines).toEqual([
    'WARNING no connection to the broker for 1 minute; 3 records wait. Last error: nothing listens at broker:5672.',
  ]);
  pending.records = 1;
  connection.events.emit('failed', new LoghiveError('LOGHIVE_BROKER_REFUSED', 'wrong password'));
  vi.advanceTimersByTime(4 * MINUTE_MS);
  expect(lines[1]).toBe('ERROR no connection to the broker for 5 minutes; 1 record waits. Last error: wrong password.');
  vi.advanceTimersByTime(55 * MINUTE_MS);
  expect(lines.slice(2).map((line) => / for (\d+) minutes/.exec(line)?.[1])).toEqual(['15', '30', '45', '60']);
  expect(codes).toEqual([refused.code, ...Array(5).fill('LOGHIVE_BROKER_REFUSED')]);
});

test('a reconnect is logged once, and ends the reports', () => {
  const { channel, lines } = useReports();
  const open = () => channel.events.emit('open', { host, serverProduct: 'RabbitMQ' }, true);
  open();
  channel.events.emit('lost', refused);
  vi.advanceTimersByTime(MINUTE_MS / 2);
  open();
  open();
  vi.advanceTimersByTime(100 * MINUTE_MS);
  expect(lines).toEqual(['INFO reconnected to RabbitMQ (broker:5672); sending 3 waiting records']);
});

test('neither a connection that was closed on purpose nor a closed publisher counts as an outage', () => {
  const closed = useReports();
  closed.connection.events.emit('failed', refused);
  closed.connection.state = 'closed';
  const stopped = useReports();
  stopped.connection.events.emit('failed', refused);
  stopped.stop();
  vi.advanceTimersByTime(100 * MINUTE_MS);
  expect([...closed.lines, ...stopped.lines]).toEqual([]);
});
