/** The errors of a batch that are worth an alert, as the rows that are stored together with its records. Pure. */
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { StoredRecord } from '../../src/record.js';
import { cutToFit, cutToLength } from '../../src/value/cut.js';
import type { JsonObject } from '../../src/value/json-value.js';
import { type AlertLevel, type AlertRule, compileRules, isAlertLevel } from './rules.js';
import { type ErrorWords, errorWordsOf, shapeOf } from './shape.js';

/** Records of one batch with the same shape, service and level. */
export interface AlertEvent {
  /** See `Shape`. */
  readonly shape: string;
  readonly title: string;
  readonly service: string;
  readonly level: AlertLevel;
  /** How many there are. */
  readonly records: number;
  /** `2026-01-31T10:30:45.123456Z` of the first and of the last one. */
  readonly first: string;
  readonly last: string;
  /** One of them: JSON of an `Example`. */
  readonly example: string;
}

export interface Example {
  readonly id: string;
  readonly timestamp: string;
  readonly message: string;
  readonly information: JsonObject;
}

const KIB = 1024;
/** What an example keeps of its message, in UTF-16 units, and of its information, in bytes. */
const MOST_MESSAGE = 16 * KIB;
const MOST_INFORMATION = 64 * KIB;
/** Of a batch with more shapes than this the others keep less. */
const MANY = 100;
const LITTLE = 4 * KIB;

export type EventsOf = (records: readonly StoredRecord[]) => readonly AlertEvent[];

export function createEventsOf(rules: readonly AlertRule[]): EventsOf {
  const isWanted = compileRules(rules);
  return (records) => {
    const events = new Map<string, Growing>();
    for (const record of records) {
      if (!isAlertLevel(record.level)) continue;
      try {
        const error = errorWordsOf(record.information);
        const { service, level, message } = record;
        if (isWanted({ service, level, message, error })) add(events, record, level, error);
      } catch (error) {
        // Whatever is in a record, that it is stored does not depend on its alert.
        internalLogger.warning(`a record of service ${record.service} makes no alert: ${reasonOf(error)}`);
      }
    }
    return [...events.values()];
  };
}

function add(
  events: Map<string, Growing>,
  record: StoredRecord,
  level: AlertLevel,
  error: ErrorWords | undefined,
): void {
  const { service, timestamp } = record;
  const { hash: shape, title } = shapeOf(record.message, error);
  const key = keyOf({ shape, service, level });
  const known = events.get(key);
  if (known === undefined) {
    const example = exampleOf(record, events.size < MANY ? MOST_INFORMATION : LITTLE);
    events.set(key, { shape, title, service, level, records: 1, first: timestamp, last: timestamp, example });
    return;
  }
  known.records += 1;
  if (timestamp < known.first) known.first = timestamp;
  if (timestamp > known.last) known.last = timestamp;
}

type Growing = { -readonly [K in keyof AlertEvent]: AlertEvent[K] };

/** @returns the first one, with the records of both. */
export function merged(one: AlertEvent, other: Pick<AlertEvent, 'records' | 'first' | 'last'>): AlertEvent {
  return {
    ...one,
    records: one.records + other.records,
    first: other.first < one.first ? other.first : one.first,
    last: other.last > one.last ? other.last : one.last,
  };
}

export function keyOf({ shape, service, level }: Pick<AlertEvent, 'shape' | 'service' | 'level'>): string {
  return `${shape} ${level} ${service}`;
}

function exampleOf({ id, timestamp, message, information }: StoredRecord, mostBytes: number): string {
  const head = JSON.stringify({ id, timestamp, message: cutToLength(message, Math.min(MOST_MESSAGE, mostBytes)) });
  return `${head.slice(0, -1)},"information":${fitting(information, mostBytes)}}`;
}

function fitting(information: string, mostBytes: number): string {
  if (information.length * 3 <= mostBytes || Buffer.byteLength(information) <= mostBytes) return information;
  // Under one name: each field of the object that is cut would keep 200 bytes.
  try {
    const root = { information: JSON.parse(information) as JsonObject };
    cutToFit(root, mostBytes);
    return JSON.stringify(root.information);
  } catch {
    // Nested deeper than the stack is long: PostgreSQL may refuse it as well, which is not ours to judge.
    return '{}';
  }
}
