/** What producers leave on disk: the folder of a test, and the next process of the service. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { LoggerClient } from '../../src/client.js';
import { onEnd } from './use-servers.js';
import { eventually } from './wait.mjs';

/** A folder for the spool of one test, removed at its end. */
export function useSpoolFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-spool-test-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The segments in a spool. */
export function segmentsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.spool'));
}

/**
 * Runs code that returns without waiting for anything. No write in it counts as slow, however busy the machine is: after a
 * slow one, the spool would not be used for some seconds.
 */
export function withFastDisk(log: () => void): void {
  const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  try {
    log();
  } finally {
    now.mockRestore();
  }
}

export interface LeftBehind {
  service: string;
  /** Host, port and vhost are those that the earlier process had. */
  url: string;
  /** Default: the folder of the environment. */
  dir?: string;
}

/**
 * Starts the next producer of a service, which sends what earlier ones have left on disk. Resolves when the broker has
 * confirmed `records` records, and fails if there are more or fewer.
 */
export async function sendLeftBehind({ service, url, dir }: LeftBehind, records: number): Promise<void> {
  const next = new LoggerClient({ service, url, ...(dir === undefined ? {} : { spool: { dir } }) });
  onEnd(() => next.close());
  await eventually(() => {
    const { adopted, confirmed } = next.stats();
    if (confirmed < records) throw new Error(`${confirmed} of ${records} records are confirmed, ${adopted} were found`);
  });
  const { adopted, confirmed, pending, dropped } = next.stats();
  if (adopted !== records || pending > 0 || Object.keys(dropped).length > 0)
    throw new Error(`expected ${records} records, got ${JSON.stringify({ adopted, confirmed, pending, dropped })}`);
  await next.close();
}
