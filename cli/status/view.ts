/** Formats a snapshot for a terminal. Pure. */
import { printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import { laneOf } from '../../src/wire.js';
import { columns, secondsText, sizeText } from '../columns.js';
import type { ConsumerAnswer, SilentConsumer } from './consumers.js';
import type { QueueRow } from './rates.js';
import type { DatabaseSummary, Part, Snapshot } from './snapshot.js';

/** More queues than this are shown only if they hold messages or lack a consumer. */
const MAX_IDLE_QUEUES = 30;

export function statusLines({ at, queues, consumers, database, spool }: Snapshot): string[] {
  return [
    ...titled(
      'Queues',
      partLines(queues, ({ rows }) => queueLines(rows)),
    ),
    ...titled('Consumers', consumers.flatMap(consumerLines)),
    ...titled(
      'Database',
      database === undefined ? ['none is configured'] : partLines(database, (found) => databaseLines(found)),
    ),
    ...titled('Spool on this machine', spoolLines(spool)),
    `at ${secondsText(at)} UTC`,
  ];
}

function titled(title: string, lines: readonly string[]): string[] {
  return [title, ...(lines.length === 0 ? ['none'] : lines).map((line) => `  ${printableLine(line)}`), ''];
}

function partLines<T extends object>(part: Part<T>, lines: (found: T) => readonly string[]): readonly string[] {
  return 'fault' in part ? [`unknown: ${printableLine(part.fault)}`] : lines(part);
}

function queueLines(rows: readonly QueueRow[]): string[] {
  const isIdle = ({ messages, consumers, queue }: QueueRow) =>
    messages === 0 && (consumers > 0 || laneOf(queue) === undefined);
  const shown = rows.length > MAX_IDLE_QUEUES ? rows.filter((row) => !isIdle(row)) : rows;
  const head = ['QUEUE', 'MESSAGES', 'CHANGE/S', 'IN/S', 'OUT/S', 'CONSUMERS', 'FULL', 'FULL IN'];
  const cells = shown.map((row) => [
    printableLine(row.queue),
    String(row.messages),
    signed(row.growthPerSecond),
    row.inPerSecond === null ? '' : rate(row.inPerSecond),
    row.outPerSecond === null ? '' : rate(row.outPerSecond),
    String(row.consumers),
    row.limit === null ? '' : `${Math.floor((row.messages / row.limit) * 100)} %`,
    row.fullInS === null ? '' : durationText(row.fullInS),
  ]);
  const hidden = rows.length - shown.length;
  return [
    ...(shown.length === 0 ? [] : columns([head, ...cells], new Set([1, 2, 3, 4, 5, 6, 7]))),
    ...(hidden === 0 ? [] : [`${counted(hidden, 'other queue', 'other queues')} without messages`]),
  ];
}

function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

function signed(perSecond: number | null): string {
  if (perSecond === null) return '';
  return perSecond === 0 ? '0' : `${perSecond > 0 ? '+' : '-'}${rate(Math.abs(perSecond))}`;
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const;

/** `45 s`, `12 min`, `3 h`, `9 d` */
export function durationText(seconds: number): string {
  const [size, unit] = UNITS.find(([each]) => seconds >= each) ?? ([1, 's'] as const);
  return `${Math.round(seconds / size)} ${unit}`;
}

function consumerLines(consumer: ConsumerAnswer | SilentConsumer): string[] {
  if ('fault' in consumer) {
    return [`${consumer.url}  no answer (${consumer.fault}); name other consumers by --consumer`];
  }
  const { url, status } = consumer;
  const { health, state, workers, rates, inHand, reasons } = status;
  const running = workers.filter((worker) => worker.state === 'running').length;
  const facts = [
    health,
    state,
    `${running} of ${counted(workers.length, 'worker')} running`,
    `${rate(rates.storedPerSecond)} stored/s`,
    `${counted(inHand, 'message')} unacknowledged`,
  ];
  return [`${url}  ${facts.join(', ')}`, ...reasons.map((reason) => `  ${printableLine(reason)}`)];
}

function databaseLines(found: DatabaseSummary): string[] {
  const { version, databaseBytes, bytes, rows, partitions, oldest, newest, deadLetters, alerts, retentionDays } = found;
  const when = (time: string | null) => (time === null ? '-' : `${secondsText(time)} UTC`);
  const { last, waiting } = alerts;
  const lines: [string, string][] = [
    ['server', `PostgreSQL ${printableLine(version)}, database ${sizeText(databaseBytes)}`],
    ['records', `about ${rows}, ${sizeText(bytes)} in ${counted(partitions, 'partition')}`],
    ['oldest', when(oldest)],
    ['newest', when(newest)],
    ['kept', retentionDays === null ? 'forever (RETENTION_DAYS is not set here)' : counted(retentionDays, 'day')],
    ['services', String(found.services)],
    ['dead letters', deadLetters.count === 0 ? 'none' : `${deadLetters.count}, latest ${when(deadLetters.newest)}`],
    ['last alert', last === null ? 'none' : `${when(last.at)} (${last.kind}, by ${last.channel})`],
    ...(waiting === 0 ? [] : ([['alerts to send', String(waiting)]] as [string, string][])),
  ];
  return columns(lines);
}

function spoolLines(spool: Snapshot['spool']): readonly string[] {
  if (spool === undefined) return ['turned off'];
  return partLines(spool, ({ dir, services }) => {
    if (services.length === 0) return [`no records in ${printableLine(dir)}`];
    const rows = services.map(({ service, waiting, inUse, bytes, oldest }) => [
      printableLine(service),
      String(waiting),
      String(inUse),
      sizeText(bytes),
      oldest === null ? '' : secondsText(oldest),
    ]);
    return columns([['SERVICE', 'WAITING', 'IN USE', 'SIZE', 'OLDEST (UTC)'], ...rows], new Set([1, 2, 3]));
  });
}
