/**
 * Alert events that their table has refused, in memory until it takes them.
 *
 * They are no part of a batch, so that its key does not tell whether a COMMIT without an answer has stored them: the server
 * is asked what became of that transaction, or they would be counted twice.
 *
 *          take()              committed(), or the server says so
 *   kept ─────────▶ on the way ──────────────────────────────────▶ gone
 *     ▲                 │
 *     └─────────────────┘ refused(), or the server knows of no COMMIT
 */
import { type AlertEvent, keyOf, merged } from '../alerts/event.js';
import type { DatabaseSession } from './connect.js';
import { sqlStateOf } from './storage-fault.js';
import { underSavepoint } from './transaction.js';

/** At most: of different shapes. */
const MOST_KEPT = 1000;

export interface KeptEvents {
  /** Whether there are any. */
  readonly isEmpty: boolean;
  /** Records of events that were one shape too many. */
  readonly dropped: number;
  keep(events: readonly AlertEvent[]): void;
  /**
   * Within the transaction that is to store them.
   *
   * @throws the server's or the socket's error
   */
  take(session: DatabaseSession): Promise<Taken>;
}

export interface Taken {
  /** None while it is not known whether they are stored already. */
  readonly events: readonly AlertEvent[];
  /** The transaction was committed. */
  committed(): void;
  /** The table has refused them. */
  refused(): void;
}

/** What is not known yet stays as it is. */
const NOTHING: Taken = { events: [], committed() {}, refused() {} };

export function keptEvents(): KeptEvents {
  const kept = new Map<string, AlertEvent>();
  let onTheWay: { readonly transaction: string; readonly events: readonly AlertEvent[] } | undefined;
  let dropped = 0;

  function keep(events: readonly AlertEvent[]): void {
    for (const event of events) {
      const key = keyOf(event);
      const known = kept.get(key);
      if (known === undefined && kept.size >= MOST_KEPT) dropped += event.records;
      else kept.set(key, known === undefined ? event : merged(known, event));
    }
  }

  function refused(): void {
    if (onTheWay) keep(onTheWay.events);
    onTheWay = undefined;
  }

  function committed(): void {
    onTheWay = undefined;
    dropped = 0;
  }

  return {
    get isEmpty() {
      return kept.size === 0 && onTheWay === undefined;
    },
    get dropped() {
      return dropped;
    },
    keep,
    async take(session) {
      if (onTheWay) {
        const status = await statusOf(session, onTheWay.transaction);
        if (status === 'in progress') return NOTHING;
        if (status === 'committed') committed();
        else refused();
      }
      if (kept.size === 0) return NOTHING;
      const { rows } = await session.query<{ id: string }>('select pg_current_xact_id()::text as id');
      const events = [...kept.values()];
      onTheWay = { transaction: rows[0]!.id, events };
      kept.clear();
      return { events, committed, refused };
    },
  };
}

/** Undefined where the server cannot tell any more, or never heard of it: it is another one since. */
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
