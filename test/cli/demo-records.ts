/** Records of the demo (`npm run demo`), with fewer fields and shorter stacks: a new version of the till has a bug. */
import type { Level } from '../../src/level.js';
import type { StoredRecord } from '../../src/record.js';

const shop = { version: '1.4.0', pid: 18914, hostname: 'web-1' };
const error = (name: string, message: string, calls: readonly string[]) => ({
  error: { name, message, stack: [`${name}: ${message}`, ...calls.map((call) => `    at ${call}`)].join('\n') },
});

type Line = [time: string, service: 'shop' | 'till', level: Level, message: string, information: object];

/** The bank does not answer: that happens in both versions. */
function refused(second: string, request: string, customer: string, version: string): Line[] {
  const unavailable = error('Error', 'the bank does not answer: 503 Service Unavailable', ['charge (bank.mjs:11:11)']);
  const answered = error('Error', 'the till answered 502: the bank does not answer', ['pay (payment.mjs:15:27)']);
  return [
    [`${second}.408001`, 'till', 'ERROR', 'charge failed', { reqId: request, version, ...unavailable }],
    [`${second}.443212`, 'shop', 'ERROR', 'payment failed', { customer, requestId: request, ...shop, ...answered }],
  ];
}

function broken(second: string, request: string, customer: string): Line[] {
  const reason = "Cannot read properties of undefined (reading 'cents')";
  const bug = error('TypeError', reason, ['checkLimit (till.mjs:23:21)', 'answer (till.mjs:29:30)']);
  const answered = error('Error', 'the till answered 500: internal error', ['pay (payment.mjs:15:27)']);
  return [
    [`${second}.767000`, 'till', 'ERROR', 'charge failed', { reqId: request, version: '2.1.0', ...bug }],
    [`${second}.772848`, 'shop', 'ERROR', 'payment failed', { customer, requestId: request, ...shop, ...answered }],
  ];
}

const first = { requestId: 'r-712', ...shop };
const lines: Line[] = [
  ...refused('07', 'r-608', 'c207', '2.0.0'),
  ...refused('09', 'r-646', 'c217', '2.0.0'),
  ['10.512291', 'shop', 'DEBUG', 'charging the card', { customer: 'c243', cents: 780, ...first }],
  ['10.591754', 'shop', 'WARNING', 'the till cannot be reached, trying again', { attempt: 1, ...first }],
  ['11.760000', 'till', 'INFO', 'charging the card', { reqId: 'r-712', cents: 780, version: '2.1.0' }],
  ...broken('11', 'r-712', 'c243'),
  ['11.780349', 'shop', 'INFO', 'POST /orders', { level: 'http', status: 502, tookMs: 1267, ...first }],
  ...refused('12', 'r-745', 'c257', '2.1.0'),
  ...broken('12', 'r-765', 'c263'),
  ...broken('13', 'r-809', 'c273'),
  ...broken('14', 'r-861', 'c283'),
];

export const DEMO_RECORDS: readonly StoredRecord[] = lines.map(([time, service, level, message, information], n) => ({
  id: `01993f0e-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`,
  timestamp: `2026-02-03T16:14:${time}Z`,
  service,
  level,
  message,
  information: JSON.stringify(information),
}));
