/**
 * Where errors that are worth an alert wait until somebody tells of them: rows that are inserted in the transaction of
 * their records, so that none is lost or counted twice. Nothing is ever updated here: consumers do not wait for each other.
 *
 * Records do not depend on it. Where only this table says no (its rights, a lock, or it is gone), its rows are kept in
 * memory, and go along with a later batch.
 */
import pg from 'pg';
import type { StoredRecord } from '../../src/record.js';
import { counted } from '../../src/sentence.js';
import type { AlertEvent, EventsOf } from '../alerts/event.js';
import type { DatabaseSession } from './connect.js';
import { keptEvents } from './kept-events.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { isOfTable } from './table-refusal.js';
import { during } from './verdict.js';

/** Records wait on the same connection meanwhile. */
const LOCK_TIMEOUT_MS = 1000;
/** So long a table that has said no is left alone. */
const REFUSED_MS = 5000;

const COLUMNS = 'shape, title, service, level, records, first_ts, last_ts, example';

export interface AlertOutbox {
  /** Of records that are stored by the transaction under way. */
  eventsOf(records: readonly StoredRecord[]): readonly AlertEvent[];
  /** Whether there is anything to write, with these. */
  hasWork(events: readonly AlertEvent[]): boolean;
  /**
   * As the last thing before COMMIT.
   *
   * @returns what to call after it.
   * @throws the server's or the socket's error when it is not the table that said no.
   */
  write(session: DatabaseSession, events: readonly AlertEvent[]): Promise<() => void>;
}

/** @param onRefused takes why alerts wait in memory; undefined when they do not any more. */
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
  const kept = keptEvents();
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
      // An encoding that cannot hold the example: that there was an error has to be told all the same.
      await session.query('rollback to savepoint alerts');
      await insert(session, events.map(plain));
    }
  }

  function refuse(events: readonly AlertEvent[], reason: string): void {
    kept.keep(events);
    const { dropped } = kept;
    const lost = dropped === 0 ? '' : ` ${counted(dropped, 'error was', 'errors were')} too many and will not be told.`;
    onRefused(`errors are stored, but alerts wait in memory, because their table refuses them: ${reason}${lost}`);
  }

  let refusal = '';
  return {
    eventsOf,
    hasWork: (events) => events.length > 0 || (!kept.isEmpty && performance.now() - refusedAtMs > REFUSED_MS),
    async write(session, events) {
      if (performance.now() - refusedAtMs < REFUSED_MS) return () => refuse(events, refusal);
      const earlier = await during('query', kept.take(session));
      try {
        await during('query', tryInsert(session, [...earlier.events, ...events]));
      } catch (error) {
        if (!isOfTable(error) || !session.isOpen()) throw error;
        earlier.refused();
        await session.query('rollback to savepoint alerts');
        refusedAtMs = performance.now();
        refusal = reasonFor(error, session.place);
        return () => refuse(events, refusal);
      }
      return () => {
        earlier.committed();
        if (kept.isEmpty) onRefused(undefined);
      };
    },
  };
}

/** In the order of the columns. */
const FIELDS = ['shape', 'title', 'service', 'level', 'records', 'first', 'last', 'example'] as const;

function plain(event: AlertEvent): AlertEvent {
  const inAscii = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');
  const { id, timestamp } = JSON.parse(event.example) as { id: string; timestamp: string };
  const message = `${inAscii(event.title)} (the record has more; the database could not hold it here)`;
  const example = JSON.stringify({ id, timestamp, message, information: {} });
  return { ...event, title: inAscii(event.title), service: inAscii(event.service), example };
}
