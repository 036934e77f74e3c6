/**
 * A connection to RabbitMQ that comes back: used by producers and by the consumer.
 *
 *               open()            handshake done             connection.blocked
 *   (created) ─────────▶ connecting ───────────▶ ready ◀──────────────────────▶ blocked
 *                         ▲     │                  │    connection.unblocked      │
 *              timer ends │     │ every host       │ lost, or silent             │ lost, or blocked
 *                         │     ▼ failed           ▼                             ▼ too long
 *                        waiting ◀────────────────────────────────────────────────
 *
 *   close() leads from every state to closing ─▶ closed; open() leads on from there.
 *
 * amqplib's own `recovery` is not used: it hides in which state it is, its delays have no full jitter by default, it
 * knows one host only, and it neither notices a silent peer nor gives up a connection that stays blocked.
 */
import { EventEmitter } from 'node:events';
import { backoffMs, RECONNECT } from '../backoff.js';
import type { BrokerConfig } from '../config.js';
import { LoghiveError, reasonOf } from '../errors.js';
import { hostAndPort } from '../settings/broker-url.js';
import { within } from '../time/time-limit.js';
import { lostFault } from './connect-fault.js';
import { watchHealth } from './health.js';
import { connectTo, type OpenConnection } from './open-connection.js';
import { waitFor, wakeWaiting } from './waiting.js';

/** What belongs to an open connection, blocked or not. */
interface Open {
  readonly connection: OpenConnection;
  readonly sinceMs: number;
  readonly connectedAt: string;
  readonly stopWatching: () => void;
}

type State =
  | { readonly name: 'connecting'; readonly attempt: AbortController }
  | { readonly name: 'ready'; readonly open: Open }
  | { readonly name: 'blocked'; readonly open: Open; readonly timer: NodeJS.Timeout }
  | { readonly name: 'waiting'; readonly timer: NodeJS.Timeout; readonly stopWaiting: () => void }
  | { readonly name: 'closing'; reopen: boolean }
  | { readonly name: 'closed' };

export type ConnectionState = State['name'];

interface Events {
  /** An open connection: declare, open channels. */
  ready: [connection: OpenConnection];
  /** The connection of the last `ready` is gone; its channels and delivery tags with it. */
  lost: [error: LoghiveError];
  /** An attempt to connect failed on every host. */
  failed: [error: LoghiveError];
  blocked: [reason: string];
  unblocked: [];
}

export interface ConnectionOptions {
  readonly connectionName: string;
  readonly keepsProcessAlive: boolean;
  /** Bytes of the largest message that is on its way: a slow network may be silent for as long as that takes. */
  readonly largestInFlight?: () => number;
}

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** When the connection was opened, as ISO 8601 text. Only while connected. */
  readonly connectedAt?: string;
  /** `host:port`. Only while connected. */
  readonly host?: string;
  /** The last failure to connect, or the reason for which the last connection was lost. */
  readonly lastError?: string;
  /** When that was, in epoch milliseconds. */
  readonly lastErrorAtMs?: number;
}

export class Connection {
  readonly events = new EventEmitter<Events>();
  readonly #config: BrokerConfig;
  readonly #options: ConnectionOptions;
  #state: State = { name: 'closed' };
  #failures = 0;
  #isAway = false;
  /** Another connection may wake this one. Two that are lost at once would else wake each other, without any delay. */
  #mayBeWoken = true;
  #nextHost = 0;
  #lastError: LoghiveError | undefined;
  #lastErrorAtMs = 0;
  #closed: Promise<void> = Promise.resolve();

  constructor(config: BrokerConfig, options: ConnectionOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Begins to connect, and goes on trying until `close()`. Returns at once. */
  open(): void {
    if (this.#state.name === 'closed') void this.#connect();
    else if (this.#state.name === 'closing') this.#state.reopen = true;
  }

  status(): ConnectionStatus {
    const open = 'open' in this.#state ? this.#state.open : undefined;
    return {
      state: this.#state.name,
      ...(open ? { connectedAt: open.connectedAt, host: hostAndPort(open.connection.host) } : {}),
      ...(this.#lastError ? { lastError: this.#lastError.message, lastErrorAtMs: this.#lastErrorAtMs } : {}),
    };
  }

  /** The last attempt to connect that has ended failed on every host. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Tries again now instead of after the rest of the delay. */
  hurry(): void {
    if (this.#state.name !== 'waiting') return;
    this.#leave();
    void this.#connect();
  }

  /** Gives the open connection up, as if it had been lost: used where it answers but does not do what it should. */
  renew(reason: string): void {
    const connection = this.#openConnection();
    connection?.destroy(lostFault(connection.host, reason));
  }

  /** Closes in order where the broker answers within `timeoutMs`, else at once. Never rejects. */
  async close(timeoutMs = 1000): Promise<void> {
    if (this.#state.name === 'closing') this.#state.reopen = false;
    if (this.#state.name === 'closed' || this.#state.name === 'closing') return this.#closed;
    const connection = this.#openConnection();
    if (connection) this.#failures = 0;
    this.#leave();
    const state: State = { name: 'closing', reopen: false };
    this.#transition(state);
    this.#closed = connection ? closeConnection(connection, timeoutMs) : Promise.resolve();
    await this.#closed;
    this.#transition({ name: 'closed' });
    if (state.reopen) this.open();
  }

  #openConnection(): OpenConnection | undefined {
    return 'open' in this.#state ? this.#state.open.connection : undefined;
  }

  #transition(state: State): void {
    this.#state = state;
  }

  /** Stops what belongs to the state that is being left. */
  #leave(): void {
    if ('timer' in this.#state) clearTimeout(this.#state.timer);
    if ('stopWaiting' in this.#state) this.#state.stopWaiting();
    if ('open' in this.#state) this.#state.open.stopWatching();
    if ('attempt' in this.#state) this.#state.attempt.abort();
  }

  async #connect(): Promise<void> {
    const state: State = { name: 'connecting', attempt: new AbortController() };
    const { signal } = state.attempt;
    this.#transition(state);
    const errors: LoghiveError[] = [];
    if (this.#config.fault !== undefined) {
      // Whoever has just made this connection is to hear of it.
      await undefined;
      if (this.#state !== state) return;
      errors.push(new LoghiveError('LOGHIVE_INVALID_OPTION', this.#config.fault));
    }
    for (let tried = 0; tried < this.#config.hosts.length; tried++) {
      const host = this.#config.hosts[this.#nextHost % this.#config.hosts.length]!;
      try {
        const connection = await connectTo(host, this.#config, { ...this.#options, signal });
        if (this.#state !== state) return void closeConnection(connection, 1000);
        return this.#adopt(connection);
      } catch (error) {
        if (this.#state !== state) return;
        this.#nextHost++;
        errors.push(asLoghiveError(error));
      }
    }
    this.#fail(errors);
  }

  #adopt(connection: OpenConnection): void {
    const lost = (error: unknown) => this.#lose(connection, error);
    connection.model.on('error', lost);
    connection.model.on('close', lost);
    connection.model.on('blocked', (reason) => this.#block(connection, reason));
    connection.model.on('unblocked', () => this.#unblock(connection));
    const connectedAt = new Date().toISOString();
    const open: Open = { connection, sinceMs: performance.now(), connectedAt, stopWatching: this.#watch(connection) };
    this.#transition({ name: 'ready', open });
    this.#isAway = false;
    this.events.emit('ready', connection);
    // It may have been said before anybody could listen.
    if (connection.isBlocked) this.#block(connection, 'it said so as soon as the connection was open');
    wakeWaiting(this.#config.hosts);
  }

  #watch(connection: OpenConnection): () => void {
    const { socketTimeoutMs } = this.#config;
    return watchHealth(connection, {
      silenceMs: () => socketTimeoutMs + slowestTransferMs(this.#options.largestInFlight?.() ?? 0),
      // A broker that blocks a publisher stops reading from it, so it cannot answer; its heartbeats still come.
      // Nor is an answer heard while we do not read.
      suspended: () => this.#state.name === 'blocked' || connection.isReadingPaused,
    });
  }

  #block(connection: OpenConnection, reason: string): void {
    const state = this.#state;
    if (state.name !== 'ready' || state.open.connection !== connection) return;
    const { blockedTimeoutMs } = this.#config;
    const timer = setTimeout(
      () => this.renew(`the broker kept it blocked for ${blockedTimeoutMs} ms`),
      blockedTimeoutMs,
    );
    if (!this.#options.keepsProcessAlive) timer.unref();
    this.#transition({ name: 'blocked', open: state.open, timer });
    this.events.emit('blocked', reason);
  }

  #unblock(connection: OpenConnection): void {
    const state = this.#state;
    if (state.name !== 'blocked' || state.open.connection !== connection) return;
    clearTimeout(state.timer);
    this.#transition({ name: 'ready', open: state.open });
    this.events.emit('unblocked');
  }

  #lose(connection: OpenConnection, cause: unknown): void {
    const state = this.#state;
    if (!('open' in state) || state.open.connection !== connection) return;
    this.#leave();
    if (performance.now() - state.open.sinceMs >= STEADY_MS) {
      this.#failures = 0;
      this.#mayBeWoken = true;
    }
    const error = cause instanceof LoghiveError ? cause : lostFault(connection.host, cause);
    // amqplib leaves the socket to a peer that may never close it, and what is in flight unanswered until then.
    connection.destroy(error);
    this.#wait(error);
    this.events.emit('lost', error);
  }

  #fail(errors: LoghiveError[]): void {
    this.#isAway = true;
    this.#mayBeWoken = true;
    const reasons = errors.map(({ message }) => message).join(' | ');
    const often =
      this.#config.fault === undefined
        ? `Loghive tries again, at least every ${RECONNECT.maxMs / 1000} s.`
        : 'No broker is connected to until then: records wait in memory, and the oldest are given up.';
    const cause = errors.length === 1 ? errors[0] : errors;
    const error = new LoghiveError(errors[0]!.code, `${reasons} ${often}`, { cause });
    this.#wait(error);
    this.events.emit('failed', error);
  }

  #wait(error: LoghiveError): void {
    this.#lastError = error;
    this.#lastErrorAtMs = Date.now();
    this.#failures++;
    const timer = setTimeout(() => this.hurry(), backoffMs(this.#failures, RECONNECT));
    if (!this.#options.keepsProcessAlive) timer.unref();
    const stopWaiting = this.#mayBeWoken ? waitFor(this.#config.hosts, () => this.#wake()) : () => {};
    this.#transition({ name: 'waiting', timer, stopWaiting });
  }

  #wake(): void {
    this.#mayBeWoken = false;
    this.hurry();
  }
}

/** A broker that takes a connection and ends it at once is met with ever longer delays; one that lasted so long is not. */
const STEADY_MS = 5000;

/** Networks slower than this are told from dead ones only by their heartbeats. */
const SLOWEST_BYTES_PER_MS = 16;

function slowestTransferMs(bytes: number): number {
  return bytes / SLOWEST_BYTES_PER_MS;
}

function asLoghiveError(error: unknown): LoghiveError {
  return error instanceof LoghiveError
    ? error
    : new LoghiveError('LOGHIVE_BROKER_UNREACHABLE', reasonOf(error), { cause: error });
}

async function closeConnection(connection: OpenConnection, timeoutMs: number): Promise<void> {
  connection.model.on('error', () => {});
  await within(timeoutMs, connection.model.close());
  // Also after it closed in order: a broker that blocks does not read, and the rest of the socket would wait for it.
  connection.destroy(new Error('closed'));
}
