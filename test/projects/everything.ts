/** The application in everything/: it logs through every integration, and ends in one of three ways. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'amqplib';
import { expect } from 'vitest';
import { onEnd, uniqueName, useChild } from '../support/use-servers.js';
import { type Installation, installInto } from './installation.mjs';

const EARLY = ['by LoggerClient', 'by Winston', 'by Pino', 'by the console'];
const LAST = 'the last words';

/** Each way to end, with the exit code. */
export const ENDS = { 'the end of the script': 0, 'process.exit()': 3, 'an uncaught exception': 1 } as const;
export type End = keyof typeof ENDS;

/** A copy of its sources, with the packages that they import. */
export async function copyEverything({ folder, tarball }: Installation): Promise<string> {
  const copy = path.join(folder, 'everything');
  await cp(path.join(import.meta.dirname, 'everything'), copy, { recursive: true });
  await writeFile(path.join(copy, 'package.json'), '{ "private": true }\n');
  await installInto(copy, [tarball, 'winston@3', 'pino@10']);
  return copy;
}

/** A new folder from which no node_modules can be found. */
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
  /** What Loghive wrote to stderr, without the stack trace of an exception. */
  readonly output: string[];
  /** Messages of the records in the broker, in any order. */
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
  const output =
    end === 'an uncaught exception' ? child.stderr.filter((line) => line.startsWith('[loghive]')) : child.stderr;
  return { ended, output, records: await messagesOf(service, url) };
}

/** Expects every record in the broker, the application's own exit code, and no output of Loghive. */
export async function expectAllAfter(end: End, file: string, run: Run): Promise<void> {
  const { ended, output, records } = await runEverything(end, file, run);
  expect({ ended, output, records: records.sort() }).toEqual({
    ended: { code: ENDS[end], signal: null },
    output: [],
    records: [...EARLY, LAST].sort(),
  });
}

/** Messages in flight at the end may be there twice, with the same id, and would be stored once. */
async function messagesOf(service: string, url: string): Promise<string[]> {
  const connection = await connect(url);
  onEnd(() => connection.close().catch(() => {}));
  const found = new Map<string, string>();
  for (const level of ['info', 'error']) {
    const channel = await connection.createChannel();
    // If nothing has arrived, there is no queue, and the broker closes the channel.
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
