/** Alert events of a batch, stored as rows together with its records. Pure. */
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { StoredRecord } from '../../src/record.js';
import { type ErrorWords, errorWordsOf, shapeOf } from '../../src/shape.js';
import { cutToFit, cutToLength } from '../../src/value/cut.js';
import type { JsonObject } from '../../src/value/json-value.js';
import { type AlertLevel, type AlertRule, compileRules, isAlertLevel } from './rules.js';

/** Records of one batch with the same shape, service and level. */
export interface AlertEvent {
  /** See `Shape`. */
  readonly shape: string;
  readonly title: string;
  readonly service: string;
  readonly level: AlertLevel;
  /** Number of records. */
  readonly records: number;
  /** Timestamps of the first and the last record: `2026-01-31T10:30:45.123456Z`. */
  readonly first: string;
  readonly last: string;
  /** One of the records: JSON of an `Example`. */
  readonly example: string;
}

export interface Example {
  readonly id: string;
  readonly timestamp: string;
  readonly message: string;
  readonly information: JsonObject;
}

const KIB = 1024;
/** Maximum size of an example: message in UTF-16 units, information in bytes. */
const MAX_MESSAGE = 16 * KIB;
const MAX_INFORMATION = 64 * KIB;
/** Above this number of shapes in a batch, further examples get the smaller size. */
const MAX_FULL_EXAMPLES = 100;
const SMALL_EXAMPLE_BYTES = 4 * KIB;

export type EventsOf = (records: readonly StoredRecord[]) => readonly AlertEvent[];

export function createEventsOf(rules: readonly AlertRule[]): EventsOf {
  const matches = compileRules(rules);
  return (records) => {
    const events = new Map<string, MutableEvent>();
    for (const record of records) {
      if (!isAlertLevel(record.level)) continue;
      try {
        const error = errorWordsOf(record.information);
        const { service, level, message } = record;
        if (matches({ service, level, message, error })) add(events, record, level, error);
      } catch (error) {
        // A failure here must not prevent the record from being stored.
        internalLogger.warning(`no alert for a record of service ${record.service}: ${reasonOf(error)}`);
      }
    }
    return [...events.values()];
  };
}

function add(
  events: Map<string, MutableEvent>,
  record: StoredRecord,
  level: AlertLevel,
  error: ErrorWords | undefined,
): void {
  const { service, timestamp } = record;
  const { hash: shape, title } = shapeOf(record.message, error);
  const key = keyOf({ shape, service, level });
  const known = events.get(key);
  if (known === undefined) {
    const example = exampleOf(record, events.size < MAX_FULL_EXAMPLES ? MAX_INFORMATION : SMALL_EXAMPLE_BYTES);
    events.set(key, { shape, title, service, level, records: 1, first: timestamp, last: timestamp, example });
    return;
  }
  known.records += 1;
  if (timestamp < known.first) known.first = timestamp;
  if (timestamp > known.last) known.last = timestamp;
}

type MutableEvent = { -readonly [K in keyof AlertEvent]: AlertEvent[K] };

/** @returns the first event with the counts of both. */
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

function exampleOf({ id, timestamp, message, information }: StoredRecord, maxBytes: number): string {
  const head = JSON.stringify({ id, timestamp, message: cutToLength(message, Math.min(MAX_MESSAGE, maxBytes)) });
  return `${head.slice(0, -1)},"information":${truncate(information, maxBytes)}}`;
}

function truncate(information: string, maxBytes: number): string {
  if (information.length * 3 <= maxBytes || Buffer.byteLength(information) <= maxBytes) return information;
  // Wrapped under one name: otherwise each field of the truncated object would keep 200 bytes.
  try {
    const root = { information: JSON.parse(information) as JsonObject };
    cutToFit(root, maxBytes);
    return JSON.stringify(root.information);
  } catch {
    // Nested too deeply for the stack. PostgreSQL may refuse the record too.
    return '{}';
  }
}
