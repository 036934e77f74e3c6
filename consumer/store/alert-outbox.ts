/**
 * Outbox of alert events: rows inserted in the transaction of their records, so that none is lost or counted twice.
 * Rows are never updated here, so consumers do not wait for each other.
 *
 * Records do not depend on it. If only this table fails (privileges, a lock, or it was dropped), the events are
 * buffered in memory and written with a later batch.
 */
import pg from 'pg';
import type { StoredRecord } from '../../src/record.js';
import { counted } from '../../src/sentence.js';
import { type AlertEvent, type EventsOf, keyOf, merged } from '../alerts/event.js';
import type { DatabaseSession } from './connect.js';
import { withPhase } from './error-action.js';
import { isTableError, reasonFor, sqlStateOf } from './storage-fault.js';
import { underSavepoint } from './transaction.js';

/** Short, because records wait on the same connection. */
const LOCK_TIMEOUT_MS = 1000;
/** Pause after a refusal by the table, in milliseconds. */
const REFUSAL_PAUSE_MS = 5000;

const COLUMNS = 'shape, title, service, level, records, first_ts, last_ts, example';

export interface AlertOutbox {
  /** Events of records that the current transaction stores. */
  eventsOf(records: readonly StoredRecord[]): readonly AlertEvent[];
  /** Whether there is anything to write, including `events`. */
  hasWork(events: readonly AlertEvent[]): boolean;
  /**
   * Call it last before COMMIT.
   *
   * @returns a callback to run after COMMIT.
   * @throws the server or socket error if it was not caused by the table.
   */
  write(session: DatabaseSession, events: readonly AlertEvent[]): Promise<() => void>;
}

/** @param onRefused receives the reason why alerts are buffered in memory; undefined once they are stored. */
export function createAlertOutbox(
  schema: string,
  eventsOf: EventsOf,
  onRefused: (sentence: string | undefined) => void,
): AlertOutbox {
  const name = pg.escapeIdentifier(schema);
  const statement = `
    insert into ${name}.alert_events (${COLUMNS})
    select * from unnest($1::text[], $2::text[], $3::text[], $4::${name}.level[], $5::bigint[],
      $6::timestamptz[], $7::timestamptz[], $8::jsonb[])`;
  const buffer = createEventBuffer();
  let refusedAtMs = Number.NEGATIVE_INFINITY;

  const insert = (session: DatabaseSession, events: readonly AlertEvent[]) =>
    session.query(
      statement,
      FIELDS.map((field) => events.map((event) => event[field])),
    );

  async function tryInsert(session: DatabaseSession, events: readonly AlertEvent[]): Promise<void> {
    await session.query(`savepoint alerts; set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
    try {
      await insert(session, events);
    } catch (error) {
      if (!/^(?:22|23|54)/.test(sqlStateOf(error) ?? '')) throw error;
      // The encoding of the database cannot represent the example. Store the alert without it.
      await session.query('rollback to savepoint alerts');
      await insert(session, events.map(plain));
    }
  }

  function refuse(events: readonly AlertEvent[], reason: string): void {
    buffer.add(events);
    const { dropped } = buffer;
    const lost = dropped === 0 ? '' : ` ${counted(dropped, 'error')} exceeded the buffer and will not be reported.`;
    onRefused(
      `errors are stored, but alerts are buffered in memory because their table refuses them: ${reason}${lost}`,
    );
  }

  let refusal = '';
  return {
    eventsOf,
    hasWork: (events) => events.length > 0 || (!buffer.isEmpty && performance.now() - refusedAtMs > REFUSAL_PAUSE_MS),
    async write(session, events) {
      if (performance.now() - refusedAtMs < REFUSAL_PAUSE_MS) return () => refuse(events, refusal);
      const earlier = await withPhase('query', buffer.take(session));
      try {
        await withPhase('query', tryInsert(session, [...earlier.events, ...events]));
      } catch (error) {
        if (!isTableError(error) || !session.isOpen()) throw error;
        earlier.refused();
        await session.query('rollback to savepoint alerts');
        refusedAtMs = performance.now();
        refusal = reasonFor(error, session.place);
        return () => refuse(events, refusal);
      }
      return () => {
        earlier.committed();
        if (buffer.isEmpty) onRefused(undefined);
      };
    },
  };
}

/** In the order of `COLUMNS`. */
const FIELDS = ['shape', 'title', 'service', 'level', 'records', 'first', 'last', 'example'] as const;

function plain(event: AlertEvent): AlertEvent {
  const inAscii = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');
  const { id, timestamp } = JSON.parse(event.example) as { id: string; timestamp: string };
  const message = `${inAscii(event.title)} (shortened: the encoding of the database cannot represent it)`;
  const example = JSON.stringify({ id, timestamp, message, information: {} });
  return { ...event, title: inAscii(event.title), service: inAscii(event.service), example };
}

// Buffer for alert events that their table has refused.
//
// These events are not part of a batch, so the batch's keys cannot tell whether a COMMIT without a reply has stored
// them. The status of that transaction is queried on the server, or they would be counted twice.
//
//          take()               committed(), or the server confirms it
//   buffered ─────────▶ in flight ─────────────────────────────────────▶ stored
//      ▲                    │
//      └────────────────────┘ refused(), or the server has no COMMIT

/** Maximum number of different events. */
const MAX_BUFFERED = 1000;

export interface EventBuffer {
  /** Whether nothing is buffered or in flight. */
  readonly isEmpty: boolean;
  /** Number of records whose events were dropped because the buffer was full. */
  readonly dropped: number;
  add(events: readonly AlertEvent[]): void;
  /**
   * Call it in the transaction that is to store them.
   *
   * @throws the server or socket error
   */
  take(session: DatabaseSession): Promise<BufferedEvents>;
}

export interface BufferedEvents {
  /** Empty while the outcome of the last attempt is unknown. */
  readonly events: readonly AlertEvent[];
  /** Call it after COMMIT. */
  committed(): void;
  /** Call it if the table refuses them. */
  refused(): void;
}

/** Leaves everything as it is. */
const NOTHING: BufferedEvents = { events: [], committed() {}, refused() {} };

export function createEventBuffer(): EventBuffer {
  const buffer = new Map<string, AlertEvent>();
  let inFlight: { readonly transaction: string; readonly events: readonly AlertEvent[] } | undefined;
  let dropped = 0;

  function add(events: readonly AlertEvent[]): void {
    for (const event of events) {
      const key = keyOf(event);
      const known = buffer.get(key);
      if (known === undefined && buffer.size >= MAX_BUFFERED) dropped += event.records;
      else buffer.set(key, known === undefined ? event : merged(known, event));
    }
  }

  function refused(): void {
    if (inFlight) add(inFlight.events);
    inFlight = undefined;
  }

  function committed(): void {
    inFlight = undefined;
    dropped = 0;
  }

  return {
    get isEmpty() {
      return buffer.size === 0 && inFlight === undefined;
    },
    get dropped() {
      return dropped;
    },
    add,
    async take(session) {
      if (inFlight) {
        const status = await statusOf(session, inFlight.transaction);
        if (status === 'in progress') return NOTHING;
        if (status === 'committed') committed();
        else refused();
      }
      if (buffer.size === 0) return NOTHING;
      const { rows } = await session.query<{ id: string }>('select pg_current_xact_id()::text as id');
      const events = [...buffer.values()];
      inFlight = { transaction: rows[0]!.id, events };
      buffer.clear();
      return { events, committed, refused };
    },
  };
}

/** Undefined if the server no longer knows the transaction, or is another server. */
async function statusOf(session: DatabaseSession, transaction: string): Promise<string | undefined> {
  let status: string | null = null;
  try {
    await underSavepoint(session, async () => {
      const { rows } = await session.query<{ status: string | null }>('select pg_xact_status($1::xid8) as status', [
        transaction,
      ]);
      status = rows[0]?.status ?? null;
    });
  } catch (error) {
    if (!sqlStateOf(error)?.startsWith('22')) throw error;
  }
  return status ?? undefined;
}
