/** The clients of a conversation on one broker, and the transcript of what they saw. */
import amqplib, { type Channel, type ChannelModel, type ConfirmChannel, type Message } from 'amqplib';
import { Connection } from 'rabbitmq-client';
import { type Login, Peer } from '../../../support/amqp/peer.js';
import type { PeerChannel } from '../../../support/amqp/peer-channel.js';
import { eventually } from '../../../support/wait.mjs';

/** A broker with a vhost shared by the conversations of one file. */
export interface BrokerUnderTest {
  host: string;
  port: number;
  vhost: string;
  /** URL of user guest in the vhost. */
  url: string;
  /** Closes all connections of this file, as an operator would. Returns their number. */
  closeConnections(reason: string): Promise<number>;
}

export class Stage {
  readonly broker: BrokerUnderTest;
  readonly #prefix: string;
  /** Lines by recorder: the order is only deterministic within one channel. */
  readonly #lines = new Map<string, string[]>();
  readonly #peers: Peer[] = [];
  readonly #closing: Array<() => unknown> = [];
  #probe: Promise<PeerChannel<Peer>> | undefined;

  constructor(broker: BrokerUnderTest, prefix: string) {
    this.broker = broker;
    this.#prefix = prefix;
  }

  /** A name unique to this conversation, the same on both brokers. */
  name = (short: string): string => `${this.#prefix}.${short}`;

  /** Adds an observation to the transcript. */
  note = (what: string, value: unknown): void => this.#write('notes', `${what}: ${JSON.stringify(value)}`);

  /** A connection on which nothing was sent yet. */
  peer = (): Peer => this.#open({ recording: true });

  /** A logged-in connection; the login is not in the transcript. */
  connect = async (login: Partial<Login> = {}): Promise<Peer> => {
    const transcript = { recording: false };
    const peer = this.#open(transcript);
    await peer.login({ user: 'guest', password: 'guest', vhost: this.broker.vhost, ...login });
    transcript.recording = true;
    return peer;
  };

  /** Channel 1 of a new connection. */
  channel = async (login: Partial<Login> = {}): Promise<PeerChannel<Peer>> => (await this.connect(login)).channel(1);

  /** A channel in confirm mode on a new connection. */
  confirming = async (): Promise<PeerChannel<Peer>> => {
    const channel = await this.channel();
    await channel.call('confirm.select', {}, { silent: true });
    return channel;
  };

  /** Waits, through the broker's administration, until a shared queue has this many ready messages. */
  holds = async (queue: string, ready: number): Promise<void> => {
    await this.#declared(queue, (found) => found === ready, `${queue} holds ${ready}`);
  };

  /** Waits, through the broker's administration, until a queue no longer exists. */
  gone = async (queue: string): Promise<void> => {
    await this.#declared(queue, (found) => found === undefined, `${queue} is gone`);
  };

  /** An amqplib connection; its errors are recorded. */
  amqplib = async (): Promise<ChannelModel> => {
    const connection = await amqplib.connect(this.broker.url);
    connection.on('error', (error) => this.note('connection error', error.message));
    this.#closing.push(() => connection.close());
    return connection;
  };

  amqplibChannel = async (): Promise<Channel> => this.#watch(await (await this.amqplib()).createChannel());

  amqplibConfirmChannel = async (): Promise<ConfirmChannel> =>
    this.#watch(await (await this.amqplib()).createConfirmChannel());

  /** A rabbitmq-client connection. */
  rabbitmqClient = async (): Promise<Connection> => {
    const connection = new Connection({ url: this.broker.url, retryLow: 50, heartbeat: 0 });
    connection.on('error', (error) => this.note('connection error', describeError(error)));
    this.#closing.push(() => connection.close());
    await connection.onConnect();
    return connection;
  };

  /** Closes all clients and returns the transcript. Waits for connections the server closes. */
  close = async (failure?: Error): Promise<string[]> => {
    if (failure) this.#write('failure', failure.message);
    for (const peer of this.#peers) {
      const closed = peer.received.some(({ method }) => method === 'connection.close');
      if (closed && peer.answersClose && !failure) {
        await peer.end().catch((error) => this.#write('failure', error.message));
      }
    }
    this.#closed = true;
    for (const peer of this.#peers) peer.destroy();
    await Promise.allSettled(this.#closing.map((close) => close()));
    const recorders = [...this.#lines.keys()].sort();
    return recorders.flatMap((recorder) => this.#lines.get(recorder)!.map((line) => `${recorder} ${line}`));
  };
  #closed = false;

  #open(transcript: { recording: boolean }): Peer {
    const letter = String.fromCharCode('A'.charCodeAt(0) + this.#peers.length);
    const peer = new Peer(this.broker.port, this.broker.host, (channel, line) => {
      if (transcript.recording || line.startsWith('!')) this.#write(`${letter}${channel}`, line);
    });
    this.#peers.push(peer);
    return peer;
  }

  #write(recorder: string, line: string): void {
    if (this.#closed) return;
    const lines = this.#lines.get(recorder) ?? [];
    this.#lines.set(recorder, lines);
    lines.push(normalise(line, this.broker.vhost));
  }

  #watch<T extends Channel>(channel: T): T {
    channel.on('error', (error) => this.note('channel error', error.message));
    return channel;
  }

  async #declared(queue: string, is: (messages: number | undefined) => boolean, what: string): Promise<void> {
    await eventually(
      async () => {
        this.#probe ??= this.#openProbe();
        const answer = await (await this.#probe).call('queue.declare', { queue, passive: true }, { silent: true });
        if (answer?.method === 'queue.declare-ok') return is(Number(answer.args.messageCount));
        this.#probe = undefined;
        return is(undefined);
      },
      { what, everyMs: 8, withinMs: 8000 },
    );
  }

  async #openProbe(): Promise<PeerChannel<Peer>> {
    const peer = new Peer(this.broker.port, this.broker.host, () => {});
    this.#closing.push(() => peer.destroy());
    await peer.login({ user: 'guest', password: 'guest', vhost: this.broker.vhost });
    return peer.channel(1);
  }
}

/** The parts of an amqplib message that a transcript shows. */
export function shown(message: Message | false | null): unknown {
  if (!message) return message;
  const { content, fields, properties } = message;
  const set = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
  return { body: content.length > 200 ? `${content.length} bytes` : content.toString(), fields, properties: set };
}

export function describeError(error: unknown): string {
  const { code, message } = error as { code?: unknown; message: string };
  return `${code ?? ''} ${message}`.trim();
}

/**
 * Normalizes what differs by nature: server identity and capabilities (the development broker's are in
 * refused.test.ts), generated names, times, ports, and line breaks in long Erlang terms.
 */
function normalise(line: string, vhost: string): string {
  return (
    line
      .replaceAll(vhost, 'the-vhost')
      .replace(/amq\.(gen|ctag)-[\w-]+/g, 'amq.$1-…')
      .replace(/"serverProperties":.*("locales":)/, '"serverProperties":"…",$1')
      .replace(/\\n +/g, '')
      .replace(/"time":"T:\d+"/g, '"time":"T:…"')
      .replace(/"time":\{"!":"timestamp","value":\d+\}/g, '"time":"…"')
      // Set by rabbitmq-client; ours is fixed.
      .replace(/"timestamp":(?!1700000000)\d{10}/g, '"timestamp":"…"')
      .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:…')
  );
}
