/**
 * Whatever is published, a running consumer stores the valid records around it once, survives with limited memory, and
 * turns every message that the broker accepted into a record or a dead letter.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import amqplib from 'amqplib';
import { expect, onTestFailed, test } from 'vitest';
import { seeded } from '../suite/random.mjs';
import { propertyBytes } from '../support/amqp/property-bytes.mjs';
import { openWirePublisher, type WireMessage, type WirePublisher } from '../support/amqp/wire-publisher.mjs';
import { startDevelopmentBroker } from '../support/development-broker.mjs';
import { onEnd, type TestDatabase, uniqueName, useBroker, useChild, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { type HostileMessage, hostileMessages } from './random-messages.js';

const MESSAGES = 20_000;
const GOOD_EACH = 10;
const WINDOW = 200;
/** Limit of the heap of each thread. Without a limit, V8 collects garbage late on a machine with much memory. */
const HEAP_MIB = 128;
/** Limit of the consumer's process: its heaps, unacknowledged messages (64 MiB) and those being parsed. */
const MOST_MIB = 512;
const COMMAND = path.join(import.meta.dirname, '..', '..', 'dist', 'esm', 'cli', 'main.js');
/** Set FUZZ_SEED to this value to generate the same messages. */
const SEED = process.env.FUZZ_SEED ?? String(Date.now());
const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'];

interface Target {
  readonly url: string;
  /** Messages in all queues, unacknowledged ones included. */
  messages(): Promise<number>;
}

async function theReal(): Promise<Target> {
  const broker = await useBroker();
  const messages = async () => (await broker.listQueues()).reduce((sum, queue) => sum + queue.messages, 0);
  return { url: broker.url, messages };
}

async function theDevelopmentBroker(): Promise<Target> {
  const broker = await startDevelopmentBroker();
  onEnd(() => broker.stop());
  const messages = async () => (await broker.listQueues()).reduce((sum, queue) => sum + queue.messages, 0);
  return { url: broker.url, messages };
}

/** A classic queue passes headers on unchanged, a quorum queue as the broker decoded them. */
async function declareClassicQueues(url: string, service: string): Promise<void> {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const level of LEVELS) await channel.assertQueue(`${service}_${level}_logs`, { durable: true });
  await connection.close();
}

/** A connection that is reopened if the broker closes it. */
class Publishing {
  readonly #url: string;
  readonly #window: number;
  readonly #waiting = new Set<Promise<void>>();
  #publisher: WirePublisher | undefined;
  refused = 0;

  /** @param window number of messages that may await their confirm */
  constructor(url: string, window: number) {
    this.#url = url;
    this.#window = window;
  }

  async send(message: WireMessage, onConfirm: () => void): Promise<void> {
    while (this.#waiting.size >= this.#window) await Promise.race(this.#waiting);
    if (!this.#publisher || this.#publisher.closed) this.#publisher = await openWirePublisher(this.#url);
    const outcome = this.#publisher.publish(message).then((how) => {
      this.#waiting.delete(outcome);
      if (how === 'confirmed') onConfirm();
      else this.refused += 1;
    });
    this.#waiting.add(outcome);
  }

  async close(): Promise<void> {
    await Promise.all(this.#waiting);
    await this.#publisher?.close();
  }
}

function goodRecord(service: string, ref: string): Buffer {
  const timestamp = new Date().toISOString();
  const fields = { id: randomUUID(), service, level: 'INFO', message: ref, information: { good: true }, timestamp };
  return Buffer.from(JSON.stringify(fields));
}

const GOOD_PROPERTIES = propertyBytes({ contentType: 'application/json', deliveryMode: 2 });

/** Publishes everything. Returns what the broker confirmed. */
async function publishAll(url: string, services: readonly string[], next: (tag: string) => HostileMessage) {
  // A message that the broker may refuse must not affect others in flight.
  const [usual, alone] = [new Publishing(url, WINDOW), new Publishing(url, 1)];
  let risks = Promise.resolve();
  const hostile = new Map<string, Buffer>();
  const good: string[] = [];
  for (let n = 0; n < MESSAGES; n += 1) {
    const service = services[n % services.length] as string;
    const to = { exchange: 'logs_exchange', routingKey: `${service}.${LEVELS[n % LEVELS.length]}` };
    if (n % GOOD_EACH === 0) {
      const ref = `good-${n}`;
      await usual.send({ ...to, properties: GOOD_PROPERTIES, body: goodRecord(service, ref) }, () => good.push(ref));
    }
    // Its first letter is not that of a JSON escape: after a backslash inserted by a mutation it must not become
    // another text.
    const tag = `hostile-${String(n).padStart(6, '0')}`;
    const { properties, body, risky } = next(tag);
    const send = (by: Publishing) => by.send({ ...to, properties, body }, () => hostile.set(tag, body));
    if (risky) risks = risks.then(() => send(alone));
    else await send(usual);
  }
  await risks;
  await Promise.all([usual.close(), alone.close()]);
  return { hostile, good, refused: alone.refused + usual.refused };
}

const digestOf = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

/** Messages found neither among the records nor among the dead letters. */
async function missing({ query }: TestDatabase, hostile: ReadonlyMap<string, Buffer>): Promise<string[]> {
  const found = new Set<string>();
  const note = (text: string) => {
    for (const [tag] of text.matchAll(/hostile-\d{6}/g)) found.add(tag);
  };
  const records = await query<{ text: string }>(
    `SELECT message || ' ' || information::text AS text FROM logs.records WHERE message !~ '^good-'`,
  );
  for (const { text } of records) note(text);
  const letters = await query<{ raw: Buffer; seen: number }>('SELECT raw, seen FROM logs.dead_letters');
  const seen = new Map<string, number>();
  for (const { raw, seen: times } of letters) {
    note(raw.toString('latin1'));
    note(raw.toString('utf16le'));
    // As UTF-8 of text decoded as UTF-16 because of its content type.
    const misread = Buffer.from(raw.toString('utf8'), 'utf16le');
    note(misread.toString('latin1'));
    note(misread.swap16().toString('latin1'));
    const digest = digestOf(raw);
    seen.set(digest, (seen.get(digest) ?? 0) + times);
  }
  return [...hostile]
    .filter(([tag, body]) => !found.has(tag) && !takeOne(seen, digestOf(body)))
    .map(([tag, body]) => `${tag}, ${body.length} bytes: ${body.toString('latin1').slice(0, 200)}`);
}

function takeOne(seen: Map<string, number>, digest: string): boolean {
  const left = seen.get(digest) ?? 0;
  seen.set(digest, left - 1);
  return left > 0;
}

function peakMib(pid: number | undefined): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

test.each([
  ['RabbitMQ', theReal],
  ['the development broker', theDevelopmentBroker],
])(`twenty thousand hostile messages, on %s`, { timeout: 120_000 }, async (_broker, target) => {
  const [{ url, messages }, database] = await Promise.all([target(), useDatabase()]);
  const services = [uniqueName('quorum'), uniqueName('classic')];
  await declareClassicQueues(url, services[1] as string);
  const consumer = useChild(COMMAND, {
    args: ['consume', ...services, '--url', url, '--database-url', database.url],
    nodeArgs: [`--max-old-space-size=${HEAP_MIB}`],
    env: { RETRY_DELAYS_MS: '100' },
  });
  await consumer.waitForLine(/consuming messages of/, 30_000);
  const { pid } = consumer;
  onTestFailed(() => console.error(`FUZZ_SEED=${SEED}\n${consumer.lines.slice(-30).join('\n').slice(0, 10_000)}`));
  const { hostile, good, refused } = await publishAll(url, services, hostileMessages(seeded(SEED), services));
  await eventually(async () => expect(await messages()).toBe(0), { withinMs: 60_000, everyMs: 200 });

  const rows = await database.query<{ message: string; times: number }>(
    `SELECT message, count(*)::int AS times FROM logs.records WHERE message ~ '^good-' GROUP BY 1`,
  );
  const times = new Map(rows.map((row) => [row.message, row.times]));
  expect(good.filter((ref) => times.get(ref) !== 1)).toEqual([]);
  expect(good).toHaveLength(MESSAGES / GOOD_EACH);
  expect(await missing(database, hostile)).toEqual([]);
  expect(hostile.size + refused).toBe(MESSAGES);
  // Most messages reached the consumer, and some were refused.
  expect(hostile.size).toBeGreaterThan(0.95 * MESSAGES);
  expect(refused).toBeGreaterThan(0);
  expect(consumer.running && consumer.pid === pid).toBe(true);
  expect(consumer.lines.filter((line) => /connection to .* ended/.test(line))).toEqual([]);
  expect(peakMib(pid)).toBeLessThan(MOST_MIB);
});
