/**
 * A connection to RabbitMQ that reconnects. Used by producers and by the consumer.
 *
 *               open()            handshake done             connection.blocked
 *   (created) ─────────▶ connecting ───────────▶ ready ◀──────────────────────▶ blocked
 *                         ▲     │                  │    connection.unblocked      │
 *              timer ends │     │ every host       │ lost, or unresponsive       │ lost, or blocked
 *                         │     ▼ failed           ▼                             ▼ too long
 *                        waiting ◀────────────────────────────────────────────────
 *
 *   close() leads from every state to closing ─▶ closed; open() starts again from there.
 *
 * amqplib's own `recovery` is not used: it does not expose its state, its delays have no full jitter by default, it
 * supports one host only, and it neither detects an unresponsive peer nor closes a connection that stays blocked.
 */
import { EventEmitter } from 'node:events';
import { backoffMs, RECONNECT } from '../backoff.js';
import type { BrokerConfig } from '../config.js';
import { LoghiveError, reasonOf } from '../errors.js';
import { hostAndPort } from '../settings/broker-url.js';
import { lostFault } from './connect-fault.js';
import { watchHealth } from './health.js';
import { closeConnection, connectTo, type OpenConnection } from './open-connection.js';
import { addWaiter, wakeWaiters } from './reconnect-waiters.js';

/** Resources of an open connection, blocked or not. */
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
  /** The connection is open: declare queues and open channels now. */
  ready: [connection: OpenConnection];
  /** The connection of the last `ready` was lost, with its channels and delivery tags. */
  lost: [error: LoghiveError];
  /** A connection attempt failed on every host. */
  failed: [error: LoghiveError];
  blocked: [reason: string];
  unblocked: [];
}

export interface ConnectionOptions {
  readonly connectionName: string;
  readonly keepsProcessAlive: boolean;
  /**
   * Size of the largest message in flight, in bytes. On a slow network the peer may be silent while it is transferred.
   */
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
  #isUnreachable = false;
  /**
   * Whether another connection may wake this one. Without this guard, two connections that fail right after connecting
   * would keep waking each other, without any delay.
   */
  #mayBeWoken = true;
  #nextHost = 0;
  #lastError: LoghiveError | undefined;
  #lastErrorAtMs = 0;
  #closed: Promise<void> = Promise.resolve();

  constructor(config: BrokerConfig, options: ConnectionOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Starts connecting and retries until `close()`. Returns immediately. */
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

  /** Whether the last finished connection attempt failed on every host. */
  get isUnreachable(): boolean {
    return this.#isUnreachable;
  }

  /** Retries now instead of waiting for the rest of the delay. */
  retryNow(): void {
    if (this.#state.name !== 'waiting') return;
    this.#leave();
    void this.#connect();
  }

  /**
   * Drops the open connection as if it had been lost, and reconnects. For a connection that responds but does not work.
   */
  reconnect(reason: string): void {
    const connection = this.#openConnection();
    connection?.destroy(lostFault(connection.host, reason));
  }

  /** Closes gracefully if the broker answers within `timeoutMs`, otherwise immediately. Never rejects. */
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

  /** Releases the resources of the state that is being left. */
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
      // Gives the creator of this connection time to add listeners.
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
    this.#isUnreachable = false;
    this.events.emit('ready', connection);
    // The broker may have blocked the connection before the listener was added.
    if (connection.isBlocked) this.#block(connection, 'reported as soon as the connection was open');
    wakeWaiters(this.#config.hosts);
  }

  #watch(connection: OpenConnection): () => void {
    const { socketTimeoutMs } = this.#config;
    return watchHealth(connection, {
      silenceMs: () => socketTimeoutMs + slowestTransferMs(this.#options.largestInFlight?.() ?? 0),
      // A broker that blocks a publisher stops reading from it, so it cannot answer, but still sends heartbeats. While
      // reading is paused, answers are not seen either.
      suspended: () => this.#state.name === 'blocked' || connection.isReadingPaused,
    });
  }

  #block(connection: OpenConnection, reason: string): void {
    const state = this.#state;
    if (state.name !== 'ready' || state.open.connection !== connection) return;
    const { blockedTimeoutMs } = this.#config;
    const timer = setTimeout(
      () => this.reconnect(`the broker blocked it for ${blockedTimeoutMs} ms`),
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
    // amqplib waits for the peer to close the socket, which may never happen. Until then, messages in flight would stay
    // unanswered.
    connection.destroy(error);
    this.#wait(error);
    this.events.emit('lost', error);
  }

  #fail(errors: LoghiveError[]): void {
    this.#isUnreachable = true;
    this.#mayBeWoken = true;
    const reasons = errors.map(({ message }) => message).join(' | ');
    const nextStep =
      this.#config.fault === undefined
        ? `Loghive tries again, at least every ${RECONNECT.maxMs / 1000} s.`
        : 'Until this is corrected, Loghive does not connect: records are buffered in memory, and the oldest are dropped when the buffer is full.';
    const cause = errors.length === 1 ? errors[0] : errors;
    const error = new LoghiveError(errors[0]!.code, `${reasons} ${nextStep}`, { cause });
    this.#wait(error);
    this.events.emit('failed', error);
  }

  #wait(error: LoghiveError): void {
    this.#lastError = error;
    this.#lastErrorAtMs = Date.now();
    this.#failures++;
    const timer = setTimeout(() => this.retryNow(), backoffMs(this.#failures, RECONNECT));
    if (!this.#options.keepsProcessAlive) timer.unref();
    const stopWaiting = this.#mayBeWoken ? addWaiter(this.#config.hosts, () => this.#wake()) : () => {};
    this.#transition({ name: 'waiting', timer, stopWaiting });
  }

  #wake(): void {
    this.#mayBeWoken = false;
    this.retryNow();
  }
}

/**
 * A connection that lasted this long, in milliseconds, resets the backoff. For one that the broker closes right after
 * accepting it, the delays keep growing.
 */
const STEADY_MS = 5000;

/** On networks slower than this, only heartbeats distinguish a slow peer from a dead one. */
const MIN_BYTES_PER_MS = 16;

function slowestTransferMs(bytes: number): number {
  return bytes / MIN_BYTES_PER_MS;
}

function asLoghiveError(error: unknown): LoghiveError {
  return error instanceof LoghiveError
    ? error
    : new LoghiveError('LOGHIVE_BROKER_UNREACHABLE', reasonOf(error), { cause: error });
}
