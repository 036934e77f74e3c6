/**
 * The active health check of an open connection: heartbeats notice a dead peer only after two intervals (two minutes
 * with RabbitMQ's defaults), a question that must be answered notices it after the socket time-out.
 */
import type { Channel } from 'amqplib';
import { lostFault } from './connect-fault.js';
import type { OpenConnection } from './open-connection.js';

/** How often is looked; the Python package's monitor has the same interval. */
const INTERVAL_MS = 5000;

export interface HealthOptions {
  /** How long nothing may move before the connection counts as dead, in milliseconds. */
  readonly silenceMs: () => number;
  readonly suspended: () => boolean;
}

/** @returns stops the watch. */
export function watchHealth(connection: OpenConnection, options: HealthOptions): () => void {
  const intervalMs = Math.min(INTERVAL_MS, options.silenceMs() / 2);
  let channel: Channel | undefined;
  let asked = false;
  let bytesRead = connection.bytesRead();
  let bytesTaken = connection.bytesTaken();
  let silentMs = 0;
  let lookedAtMs = performance.now();

  async function ask(): Promise<void> {
    asked = true;
    try {
      channel ??= await openQuietly(connection);
      // The cheapest question of AMQP that every user may ask: nothing is ever consumed on this channel.
      await channel.prefetch(1);
    } catch {
      // The connection is ending; whoever owns it hears that from the connection itself.
      channel = undefined;
    }
    asked = false;
  }

  /** Whether the peer has shown since the last look that it is there: a connection that is merely slow goes on showing it. */
  function moved(): boolean {
    const before = { bytesRead, bytesTaken };
    bytesRead = connection.bytesRead();
    bytesTaken = connection.bytesTaken();
    if (bytesRead !== before.bytesRead) return true;
    return before.bytesTaken !== undefined && bytesTaken !== before.bytesTaken;
  }

  function look(): void {
    const now = performance.now();
    const sinceMs = now - lookedAtMs;
    lookedAtMs = now;
    if (moved() || options.suspended()) silentMs = 0;
    // While the application held the event loop nothing could be read: that silence is not the peer's.
    else if (sinceMs < 2 * intervalMs) silentMs += sinceMs;
    if (silentMs >= options.silenceMs()) {
      const seconds = Math.round(silentMs / 1000);
      connection.destroy(lostFault(connection.host, `no answer for ${seconds} s`));
    } else if (!asked && !options.suspended()) {
      void ask();
    }
  }

  const timer = setInterval(look, intervalMs).unref();
  return () => clearInterval(timer);
}

async function openQuietly(connection: OpenConnection): Promise<Channel> {
  const channel = await connection.model.createChannel();
  channel.on('error', () => {});
  return channel;
}
