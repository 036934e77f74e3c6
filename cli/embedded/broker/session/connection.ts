/**
 * One client connection.
 *
 *   greeting ──AMQP 0 0 9 1──> starting ──start-ok──> tuning ──tune-ok──> opening ──open──> running
 *       │                          └───────────────────┴───────────────────┴──────────────────┤
 *       │                                                         error, or closed by broker  │
 *       │                                                                                     v
 *       └──anything else──> gone <──close-ok or timeout────────────────────────────────── closing
 *
 * Any state also ends in `gone` when the client closes the connection or its socket. The states before `running` share
 * one handshake timeout. At the end, unacknowledged messages are requeued and exclusive queues deleted.
 */
import type { Socket } from 'node:net';
import { reasonOf } from '../../../../src/errors.js';
import { AmqpError, channelError, internalError, NOWHERE, notAllowed } from '../amqp-error.js';
import type { Vhost } from '../queues/vhost.js';
import { assertConnectionMethod, FrameReader, HEARTBEAT_FRAME, METHOD_FRAME } from '../wire/frame-reader.js';
import { decodeMethod } from '../wire/method-codec.js';
import { METHODS, type Method, type MethodOf } from '../wire/method-table.js';
import { Channels } from './channels.js';
import type { ConnectionHost } from './handshake.js';
import * as handshake from './handshake.js';
import { Heartbeat } from './heartbeat.js';
import { Outbox } from './outbox.js';

export type ConnectionState = 'greeting' | 'starting' | 'tuning' | 'opening' | 'running' | 'closing' | 'gone';

/** How long the client may take to answer connection.close, in milliseconds. */
const CLOSING_MS = 3000;

export class Connection {
  readonly name: string;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #gone: () => void;
  readonly #outbox: Outbox;
  readonly #frames: FrameReader;
  #state: ConnectionState = 'greeting';
  #greeting = Buffer.alloc(0);
  #deadline: NodeJS.Timeout;
  #heartbeat: Heartbeat | undefined;
  #capabilities = handshake.NO_CAPABILITIES;
  #user = '';
  #vhost: Vhost | undefined;
  #limits: handshake.Limits;
  /** Set once the connection is running. */
  #channels: Channels | undefined;
  /** Blocked from publishing; its socket is not read. */
  #isBlocked = false;

  /** @param gone called once, when the connection is closed. */
  constructor(socket: Socket, host: ConnectionHost, gone: () => void) {
    this.#socket = socket;
    this.#host = host;
    this.#gone = gone;
    this.#limits = host.limits;
    this.name = `${socket.remoteAddress}:${socket.remotePort} -> ${socket.localAddress}:${socket.localPort}`;
    this.#outbox = new Outbox(socket);
    this.#frames = new FrameReader((type, channel, payload) => this.#frame(type, channel, payload));
    this.#deadline = setTimeout(() => socket.destroy(), host.handshakeMs).unref();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    // The event `close` follows.
    socket.on('error', () => {});
    socket.on('close', () => this.#leave());
  }

  get state(): ConnectionState | 'blocked' {
    return this.#state === 'running' && this.#isBlocked ? 'blocked' : this.#state;
  }

  get vhost(): Vhost | undefined {
    return this.#vhost;
  }

  get user(): string {
    return this.#user;
  }

  get channelCount(): number {
    return this.#channels?.count ?? 0;
  }

  #read(chunk: Buffer): void {
    this.#heartbeat?.received();
    this.#take(() => {
      if (this.#state === 'greeting') this.#greet(chunk);
      else if (this.#state !== 'gone') this.#frames.read(chunk);
    });
  }

  #take(readFrames: () => void): void {
    try {
      readFrames();
    } catch (error) {
      this.#frameLost(error);
    }
    this.#channels?.confirm();
    this.#updateReading();
  }

  #greet(chunk: Buffer): void {
    const { isGreeting, PROTOCOL_HEADER } = handshake;
    const bytes = Buffer.concat([this.#greeting, chunk]);
    if (!isGreeting(bytes)) {
      this.#socket.end(PROTOCOL_HEADER);
      this.#closeSoon();
      return;
    }
    this.#greeting = bytes;
    if (bytes.length < PROTOCOL_HEADER.length) return;
    this.#state = 'starting';
    this.#outbox.method(0, 'connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: this.#host.properties,
      mechanisms: handshake.MECHANISMS,
      locales: handshake.LOCALES,
    });
    this.#frames.read(bytes.subarray(PROTOCOL_HEADER.length));
  }

  /** A framing error: nothing after it can be parsed. */
  #frameLost(error: unknown): void {
    this.end(error);
    this.#closeSoon();
  }

  #frame(type: number, number: number, payload: Buffer): void {
    if (this.#state === 'gone') return;
    let method: Method | undefined;
    try {
      if (number > 0 && this.#state === 'running') {
        if (type !== METHOD_FRAME) this.#blockIfNeeded();
        this.#channels?.frame(type, number, payload);
        if (this.#isHeld) this.#frames.hold();
        return;
      }
      if (this.#state === 'closing' && (number > 0 || type !== METHOD_FRAME)) return;
      if (type === HEARTBEAT_FRAME && number === 0 && payload.length === 0) return;
      assertConnectionMethod(type, number, payload);
      method = decodeMethod(payload);
      this.#do(method);
    } catch (error) {
      this.end(error, method);
    }
  }

  #do(method: Method): void {
    if (method.name === 'connection.close') this.#closedByPeer();
    else if (this.#state === 'closing') {
      if (method.name === 'connection.close-ok') this.#socket.end();
    } else if (this.#state === 'starting' && method.name === 'connection.start-ok') this.#login(method);
    else if (this.#state === 'tuning' && method.name === 'connection.tune-ok') this.#tune(method);
    else if (this.#state === 'opening' && method.name === 'connection.open') this.#open(method);
    // There is one user, and its password does not change.
    else if (this.#state === 'running' && method.name === 'connection.update-secret') {
      this.#outbox.method(0, 'connection.update-secret-ok', {});
    } else throw channelError(`unexpected method in connection state ${this.state}`);
  }

  #login(method: MethodOf<'connection.start-ok'>): void {
    this.#capabilities = handshake.capabilitiesOf(method.clientProperties);
    const { user, password } = handshake.credentialsOf(method);
    if (!this.#host.isUser(user, password)) {
      if (this.#capabilities.authenticationFailureClose) throw handshake.loginRefused();
      this.#socket.destroy();
      return;
    }
    this.#user = user;
    this.#state = 'tuning';
    const { channelMax, frameMax, heartbeatS } = this.#host.limits;
    this.#outbox.method(0, 'connection.tune', { channelMax, frameMax, heartbeat: heartbeatS });
  }

  #tune(method: MethodOf<'connection.tune-ok'>): void {
    this.#limits = handshake.negotiated(this.#host.limits, method);
    const { frameMax, heartbeatS } = this.#limits;
    this.#frames.frameMax = frameMax;
    this.#outbox.frameMax = frameMax;
    this.#state = 'opening';
    if (heartbeatS === 0) return;
    this.#heartbeat = new Heartbeat({
      intervalMs: heartbeatS * 1000,
      hasSent: () => this.#outbox.hasSentSinceLastCall(),
      send: () => this.#outbox.heartbeat(),
      isReadingPaused: () => this.#isBlocked,
      onTimeout: () => this.#socket.destroy(),
    });
  }

  #open({ virtualHost }: MethodOf<'connection.open'>): void {
    const vhost = this.#host.findVhost(virtualHost);
    if (vhost === undefined) throw notAllowed(`vhost ${virtualHost} not found`);
    clearTimeout(this.#deadline);
    this.#vhost = vhost;
    this.#channels = new Channels(this.#limits.channelMax, {
      site: { vhost, owner: this },
      outbox: this.#outbox,
      user: this.#user,
      notifiesCancel: this.#capabilities.consumerCancelNotify,
      maxMessageBytes: this.#host.maxMessageBytes,
    });
    this.#state = 'running';
    this.#outbox.method(0, 'connection.open-ok', { knownHosts: '' });
  }

  #closedByPeer(): void {
    this.#outbox.method(0, 'connection.close-ok', {});
    this.#release();
    this.#state = 'closing';
    this.#outbox.end();
    this.#closeSoon();
  }

  /** Closes the connection with a reason. Anything but an AmqpError is a bug in this broker. */
  end(error: unknown, method?: Method): void {
    if (this.#state === 'closing' || this.#state === 'gone') return;
    if (this.#state === 'greeting') {
      this.#socket.destroy();
      return;
    }
    const { code, replyText, at } = error instanceof AmqpError ? error : internalError(reasonOf(error));
    const { classId, methodId } = at ?? (method ? METHODS[method.name] : NOWHERE);
    this.#release();
    this.#state = 'closing';
    this.#outbox.method(0, 'connection.close', { replyCode: code, replyText, classId, methodId });
    this.#outbox.flush();
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#socket.destroy(), CLOSING_MS).unref();
    this.#updateReading();
  }

  /** Stops reading and writing. */
  #closeSoon(): void {
    this.#state = this.#state === 'greeting' ? 'closing' : this.#state;
    this.#outbox.end();
    this.#socket.removeAllListeners('data').resume();
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#socket.destroy(), CLOSING_MS).unref();
  }

  #release(): void {
    this.#channels?.end();
    for (const queue of this.#vhost?.queues() ?? []) {
      if (queue.identity.owner === this) this.#vhost?.deleteQueue(queue);
    }
    this.#isBlocked = false;
  }

  #leave(): void {
    if (this.#state === 'gone') return;
    this.#release();
    this.#state = 'gone';
    clearTimeout(this.#deadline);
    this.#heartbeat?.end();
    this.#gone();
  }

  /** Closes the socket immediately. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** As in RabbitMQ: a client that publishes while publishing is blocked is notified, and not read until that ends. */
  #blockIfNeeded(): void {
    const reason = this.#isBlocked ? undefined : this.#host.blockedReason();
    if (reason === undefined) return;
    this.#isBlocked = true;
    if (this.#capabilities.connectionBlocked) this.#outbox.method(0, 'connection.blocked', { reason });
  }

  /** Resumes reading if publishing is allowed again. */
  unblock(): void {
    if (!this.#isBlocked || this.#host.blockedReason() !== undefined) return;
    this.#isBlocked = false;
    if (this.#capabilities.connectionBlocked) this.#outbox.method(0, 'connection.unblocked', {});
    this.#updateReading();
  }

  #drained(): void {
    this.#heartbeat?.received();
    this.#channels?.wake();
    this.#updateReading();
  }

  get #isHeld(): boolean {
    return this.#isBlocked || this.#outbox.isOverfull;
  }

  #updateReading(): void {
    if (this.#isHeld) {
      this.#socket.pause();
    } else if (this.#socket.isPaused()) {
      this.#socket.resume();
      this.#take(() => this.#frames.resume());
    }
  }
}
