/** A broker that can be made unreachable, a folder, and publishers and programs that use them. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { producerConfig } from '../../../src/producer-config.js';
import { Publisher } from '../../../src/publisher/publisher.js';
import { onEnd, uniqueName, useBroker, useProxy } from '../../support/use-servers.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;

export function useFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loghive-spool-test-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.spool'))
    .map((name) => path.join(folder, name));

export const line = (number: number, size = 500) => JSON.stringify({ number, filler: 'x'.repeat(size) });
export const range = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

export async function usePublishers(options: Record<string, unknown> = {}, dir = useFolder()) {
  const broker = await useBroker();
  const proxy = await useProxy(broker.url);
  const service = uniqueName('svc');
  const url = proxy.url(broker.url);
  const open = (more: Record<string, unknown> = {}) => {
    const spool = { dir, ...(options.spool as object), ...(more.spool as object) };
    const given = { service, url, bufferBytes: 256 * KIB, ...options, ...more };
    const publisher = new Publisher(producerConfig('test', { ...given, spool: more.spool === false ? false : spool }));
    onEnd(() => publisher.close(0));
    publisher.announce(service);
    return publisher;
  };
  /** Takes the records out of a queue. Returns their numbers, in its order. */
  const sent = async (level = 'info') => {
    const connection = await connect(broker.url, { noDelay: true });
    const channel = await connection.createChannel();
    const numbers: number[] = [];
    const queue = `${service}_${level}_logs`;
    for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
      for (const text of message.content.toString().split('\n')) numbers.push(JSON.parse(text).number);
      channel.ack(message);
    }
    await connection.close();
    return numbers;
  };
  return { broker, proxy, url, dir, service, open, sent };
}

export const sorted = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);
