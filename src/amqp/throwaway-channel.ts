/** Sends requests on channels of their own, because a refusal closes the channel. */
import type { Channel } from 'amqplib';
import { replyCode, replyText } from './broker-reply.js';
import type { OpenConnection } from './open-connection.js';

export interface Refusal {
  readonly ok: false;
  /** The AMQP reply code; undefined if the connection was lost. */
  readonly code: number | undefined;
  readonly text: string;
  /** The broker's reply text, if it closed the whole connection because of the request. */
  readonly connectionText: string | undefined;
  readonly error: unknown;
}

export type Answer = { readonly ok: true } | Refusal;

/** One request at a time. Opens a channel for the first request, and another one after a refusal. */
export class ThrowawayChannel {
  readonly #connection: OpenConnection;
  #channel: Channel | undefined;

  constructor(connection: OpenConnection) {
    this.#connection = connection;
  }

  /**
   * Resolves with refusals as well. Rejects only if amqplib cannot open the channel.
   *
   * @param timeoutMs closes the channel if there is no answer within this time. That counts as a refusal once the broker
   *   has closed the channel as well, which an unresponsive queue may prevent. Default: no timeout.
   */
  async ask(request: (channel: Channel) => Promise<unknown>, timeoutMs?: number): Promise<Answer> {
    const { model } = this.#connection;
    this.#channel ??= await open(this.#connection);
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => void this.close(), timeoutMs);
    let connectionError: unknown;
    const onConnectionError = (error: unknown) => {
      connectionError = error;
    };
    model.on('error', onConnectionError);
    try {
      await request(this.#channel);
      return { ok: true };
    } catch (error) {
      this.#channel = undefined;
      return {
        ok: false,
        code: replyCode(error),
        text: replyText(error),
        connectionText: connectionError === undefined ? undefined : replyText(connectionError),
        error,
      };
    } finally {
      clearTimeout(timer);
      model.removeListener('error', onConnectionError);
    }
  }

  /** Resolves when the broker has closed the channel. Never rejects. */
  async close(): Promise<void> {
    try {
      await this.#channel?.close();
    } catch {
      // The channel is closed already.
    }
  }
}

/** A single request on a throwaway channel. See `ThrowawayChannel.ask`. */
export async function ask(
  connection: OpenConnection,
  request: (channel: Channel) => Promise<unknown>,
  timeoutMs?: number,
): Promise<Answer> {
  const channel = new ThrowawayChannel(connection);
  const answer = await channel.ask(request, timeoutMs);
  // Not awaited. If the connection is lost meanwhile, the channel is closed as well.
  void channel.close();
  return answer;
}

async function open(connection: OpenConnection): Promise<Channel> {
  const channel = await connection.model.createChannel();
  // The same error also rejects the request.
  channel.on('error', () => {});
  return channel;
}
