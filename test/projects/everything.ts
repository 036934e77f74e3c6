/** The application in everything/: it logs by every integration, and ends in one of three ways. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'amqplib';
import { expect } from 'vitest';
import { onEnd, uniqueName, useChild } from '../support/use-servers.js';
import { type Installation, installInto } from './installation.mjs';

const EARLY = ['by LoggerClient', 'by Winston', 'by Pino', 'by the console'];
const LAST = 'the last words';

/** How it ends, and with which exit code. */
export const ENDS = { 'the end of the script': 0, 'process.exit()': 3, 'an uncaught exception': 1 } as const;
export type End = keyof typeof ENDS;

/** Its sources, with what they import installed. */
export async function copyEverything({ folder, tarball }: Installation): Promise<string> {
  const copy = path.join(folder, 'everything');
  await cp(path.join(import.meta.dirname, 'everything'), copy, { recursive: true });
  await writeFile(path.join(copy, 'package.json'), '{ "private": true }\n');
  await installInto(copy, [tarball, 'winston@3', 'pino@10']);
  return copy;
}

/** A new folder out of reach of any node_modules. */
export async function emptyFolder({ folder }: Installation, name: string): Promise<string> {
  const made = path.join(folder, 'elsewhere', name);
  await mkdir(made, { recursive: true });
  return made;
}

export interface Run {
  readonly url: string;
  /** The program that runs it; default: Node. */
  readonly nodePath?: string;
  readonly nodeArgs?: string[];
}

export interface Ended {
  readonly ended: { code: number | null; signal: string | null };
  /** All but what it prints itself, and the trace of an exception. */
  readonly said: string[];
  /** Messages of the records that the broker has, in no order. */
  readonly records: string[];
}

/** Runs it to its end. */
export async function runEverything(end: End, file: string, { url, ...how }: Run): Promise<Ended> {
  const service = uniqueName('app');
  const child = useChild(file, {
    ...how,
    cwd: path.dirname(file),
    env: { LOGHIVE_URL: url, LOGHIVE_SERVICE: service, APP_ENDS_BY: end },
  });
  const ended = await child.exited;
  const said =
    end === 'an uncaught exception' ? child.stderr.filter((line) => line.startsWith('[loghive]')) : child.stderr;
  return { ended, said, records: await messagesOf(service, url) };
}

/** Each record is with the broker; the exit code is the application's own; Loghive has nothing to say. */
export async function expectAllAfter(end: End, file: string, run: Run): Promise<void> {
  const { ended, said, records } = await runEverything(end, file, run);
  expect({ ended, said, records: records.sort() }).toEqual({
    ended: { code: ENDS[end], signal: null },
    said: [],
    records: [...EARLY, LAST].sort(),
  });
}

/** What was on its way at the end may be there twice, under the same id, which the table takes once. */
async function messagesOf(service: string, url: string): Promise<string[]> {
  const connection = await connect(url);
  onEnd(() => connection.close().catch(() => {}));
  const found = new Map<string, string>();
  for (const level of ['info', 'error']) {
    const channel = await connection.createChannel();
    // Where nothing has arrived there is no queue, and the channel ends.
    channel.on('error', () => {});
    for (;;) {
      const message = await channel.get(`${service}_${level}_logs`, { noAck: true }).catch(() => false as const);
      if (!message) break;
      for (const line of message.content.toString().trim().split('\n')) {
        const record = JSON.parse(line);
        found.set(record.id, record.message);
      }
    }
  }
  return [...found.values()];
}
