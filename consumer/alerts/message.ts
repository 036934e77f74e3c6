/** Content of an alert message, before it is rendered as text or HTML. Redacts and truncates. Pure. */
import type { Redact } from '../../src/fields/redact.js';
import { printableLine, printableLines } from '../../src/printable.js';
import { asSentence } from '../../src/sentence.js';
import { errorIn } from '../../src/shape.js';
import { cutToLength } from '../../src/value/cut.js';
import type { JsonObject } from '../../src/value/json-value.js';
import type { Example } from './event.js';
import {
  type ConditionNotice,
  type DigestNotice,
  type ErrorNotice,
  type GroupSummary,
  informationOf,
  type NoticeContent,
  recordsOf,
} from './notice.js';

export type Tone = 'error' | 'critical' | 'digest' | 'condition' | 'recovered' | 'test';

/** One line of a digest. */
export interface DigestRow {
  readonly level: string;
  readonly service: string;
  readonly title: string;
  readonly records: string;
  readonly last: string;
  readonly isNew: boolean;
}

/** Part of an example. */
export interface MessageBlock {
  readonly part: 'message' | 'error' | 'fields';
  readonly title: string;
  /** May have several lines. */
  readonly text: string;
}

/** Plain text on one line, except for the blocks. */
export interface AlertMessage {
  readonly tone: Tone;
  readonly subject: string;
  /** One word: ERROR, DIGEST. */
  readonly badge: string;
  /** Shown beside the badge: the service. */
  readonly from: string;
  readonly isNew: boolean;
  readonly title: string;
  readonly facts: ReadonlyArray<readonly [label: string, value: string]>;
  readonly rows: readonly DigestRow[];
  readonly blocks: readonly MessageBlock[];
  readonly footer: string;
}

/** In UTF-16 units. Some mail clients truncate mails above 100 KB. */
const MAX_SUBJECT = 120;
const MAX_TITLE = 300;
const MAX_MESSAGE = 4096;
const MAX_ERROR = 12_288;
const MAX_FIELDS = 12_288;
const MAX_CAUSES = 5;

const FOOTER = 'Sent by Loghive.';

export function alertMessage(content: NoticeContent, redact: Redact | undefined): AlertMessage {
  switch (content.kind) {
    case 'error':
      return errorAlert(content, redact);
    case 'digest':
      return digestAlert(content, redact);
    case 'condition':
    case 'recovered':
      return conditionAlert(content);
    default:
      return {
        ...EMPTY,
        tone: 'test',
        badge: 'TEST',
        subject: 'Loghive: test alert',
        from: printableLine(content.host),
        title: 'This test alert was requested by "loghive alerts test". Alerts are working.',
      };
  }
}

const EMPTY = { isNew: false, facts: [], rows: [], blocks: [], footer: FOOTER } as const;

function errorAlert({ group, example }: ErrorNotice, redact: Redact | undefined): AlertMessage {
  const { level, records } = group;
  const [service, title] = [printableLine(group.service), titleOf(group, redact)];
  const isOne = records === 1;
  return {
    ...EMPTY,
    tone: level === 'CRITICAL' ? 'critical' : 'error',
    subject: subjectOf(`${group.isNew ? 'new: ' : ''}${level} ${service}: ${title}`),
    badge: level,
    from: service,
    isNew: group.isNew,
    title,
    facts: [
      ['Count', isOne ? '1' : numeral(records)],
      ...(isOne
        ? ([['Time', timeOf(group.last)]] as const)
        : ([
            ['First', timeOf(group.first)],
            ['Last', timeOf(group.last)],
          ] as const)),
      ...(group.isNew ? ([['New', 'not seen in the last 7 days']] as const) : []),
      ['Record', printableLine(String(example.id))],
    ],
    blocks: blocksOf(example, redact),
    footer: `${FOOTER} Further occurrences of this error are reported in the next digest. Shape ${group.shape}.`,
  };
}

function digestAlert({ groups, more }: DigestNotice, redact: Redact | undefined): AlertMessage {
  const records = recordsOf(groups) + more.records;
  const services = [...new Set(groups.map(({ service }) => printableLine(service)))];
  const named = `${services.slice(0, 3).join(', ')}${services.length > 3 || more.groups > 0 ? ', …' : ''}`;
  const kinds = groups.length + more.groups;
  const title = `${numeral(records)} ${records === 1 ? 'error' : 'errors'} of ${numeral(kinds)} ${kinds === 1 ? 'kind' : 'kinds'}`;
  return {
    ...EMPTY,
    tone: 'digest',
    subject: subjectOf(`Digest: ${title} in ${named}`),
    badge: 'DIGEST',
    from: named,
    title,
    rows: groups.map((group) => ({
      level: group.level,
      service: printableLine(group.service),
      title: titleOf(group, redact),
      records: numeral(group.records),
      last: timeOf(group.last),
      isNew: group.isNew,
    })),
    facts: [
      ['First', timeOf(groups.map(({ first }) => first).sort()[0] ?? '')],
      [
        'Last',
        timeOf(
          groups
            .map(({ last }) => last)
            .sort()
            .at(-1) ?? '',
        ),
      ],
      ...(more.groups > 0
        ? ([['Not listed', `${numeral(more.groups)} more kinds, ${numeral(more.records)} errors`]] as const)
        : []),
    ],
    footer: `${FOOTER} These errors were already reported individually, or exceeded the hourly limit.`,
  };
}

function conditionAlert({ kind, sentence, since, until }: ConditionNotice): AlertMessage {
  const line = printableLine(sentence);
  const isOver = kind === 'recovered';
  return {
    ...EMPTY,
    tone: kind,
    subject: subjectOf(`${isOver ? 'recovered: ' : ''}Loghive: ${line.replace(/[.;] .*$/s, '')}`),
    badge: isOver ? 'RECOVERED' : 'ATTENTION',
    from: 'Loghive itself',
    title: asSentence(line),
    facts: [['Since', timeOf(since)], ...(until === undefined ? [] : ([['Until', timeOf(until)]] as const))],
    footer: `${FOOTER} ${isOver ? 'The problem is resolved.' : 'Another mail follows when the problem is resolved.'}`,
  };
}

function titleOf({ title }: GroupSummary, redact: Redact | undefined): string {
  const line = printableLine(cutToLength(redact ? redact.text(title) : title, MAX_TITLE));
  return line === '' ? '(no message)' : line;
}

function subjectOf(text: string): string {
  if (text.length <= MAX_SUBJECT) return text;
  return `${text.slice(0, MAX_SUBJECT - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function blocksOf(example: Example, redact: Redact | undefined): AlertMessage['blocks'] {
  const copy = structuredClone(informationOf(example));
  const information = redact ? redact.fields(copy) : copy;
  const message = String(example.message);
  const error = errorIn(information);
  const fields: JsonObject = { ...information };
  if (error !== undefined) for (const name of ['error', 'err']) if (fields[name] === error) delete fields[name];
  const parts = [
    {
      part: 'message',
      title: `Example of ${timeOf(String(example.timestamp))}`,
      text: redact ? redact.text(message) : message,
      max: MAX_MESSAGE,
    },
    { part: 'error', title: 'Error', text: error === undefined ? '' : errorText(error, 0), max: MAX_ERROR },
    {
      part: 'fields',
      title: 'Fields',
      text: Object.keys(fields).length === 0 ? '' : JSON.stringify(fields, undefined, 2),
      max: MAX_FIELDS,
    },
  ] as const;
  return parts
    .filter(({ text }) => text.trim() !== '')
    .map(({ part, title, text, max }) => ({ part, title, text: printableLines(cutToLength(text, max)) }));
}

/** Stack, other fields and causes of an error. */
function errorText(error: Record<string, unknown>, depth: number): string {
  const { name, message, stack, cause, ...others } = error;
  const head = [name, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
  const trace = typeof stack === 'string' ? stack : '';
  const parts = [
    trace.includes(String(message ?? '')) && trace !== '' ? trace : [head, trace].filter(Boolean).join('\n'),
  ];
  if (Object.keys(others).length > 0) parts.push(fieldsText(others));
  if (cause !== undefined && cause !== null) parts.push(`\nCaused by: ${causeText(cause, depth + 1)}`);
  return parts.filter((part) => part !== '').join('\n');
}

/** On one line if it is short. */
function fieldsText(fields: object): string {
  const short = JSON.stringify(fields);
  return short.length <= 100 ? short : JSON.stringify(fields, undefined, 2);
}

function causeText(cause: unknown, depth: number): string {
  if (typeof cause !== 'object' || cause === null) return String(cause);
  if (Array.isArray(cause) || depth > MAX_CAUSES) return JSON.stringify(cause);
  return errorText(cause as Record<string, unknown>, depth);
}

const numerals = new Intl.NumberFormat('en-US');

export function numeral(count: number): string {
  return numerals.format(count);
}

/** `2026-01-31T10:30:45.123456Z` → `2026-01-31 10:30:45 UTC` */
export function timeOf(timestamp: string): string {
  return printableLine(timestamp.replace(/^(\S+)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, '$1 $2 UTC'));
}
