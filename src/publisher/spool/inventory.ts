/**
 * What waits in the folder of a spool, for the people who look after it. No part of the way of a record.
 */
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Level } from '../../level.js';
import { readLines } from './checked-lines.js';
import { checkFolder } from './folder.js';
import { isFree, newOwner } from './owner.js';
import { parseName } from './segment-name.js';

/** A segment, as far as it is not confirmed. */
export interface SpoolFile {
  readonly service: string;
  readonly level: Level;
  readonly path: string;
  readonly folder: string;
  readonly bytes: number;
  /** Records that can be read. */
  readonly records: number;
  /** Records that cannot be read. */
  readonly damaged: number;
  /** Time of the first logging call, in epoch seconds; undefined if no record can be read. */
  readonly oldestS: number | undefined;
  /** A process that runs writes or sends it. */
  readonly isInUse: boolean;
}

/** `shop-5d41402a`: see `folderName()`. */
const FOLDER = /^(.+)-[0-9a-f]{8}$/;
const CHUNK_BYTES = 1024 * 1024;

/**
 * The segments below the folder of a spool, in the order of services and times. None if there is no such folder.
 *
 * @param service only this one; default: all.
 * @param onFault receives why a folder or a file cannot be read.
 * @throws the system's error if the folder of the spool cannot be read.
 */
export async function* spoolFiles(
  dir: string,
  { service: only, onFault }: { service?: string | undefined; onFault: (fault: string) => void },
): AsyncIterable<SpoolFile> {
  for (const name of (await namesIn(dir)).sort()) {
    const [, service] = FOLDER.exec(name) ?? [];
    if (service === undefined || (only !== undefined && service !== only)) continue;
    const folder = path.join(dir, name);
    try {
      await checkFolder(folder);
      for (const file of await namesIn(folder)) {
        const found = await segmentOf(service, folder, file, onFault);
        if (found) yield found;
      }
    } catch (error) {
      onFault((error as Error).message);
    }
  }
}

/** Whether it can still be deleted: no process that runs uses it. */
export async function isStillFree({ path: place }: SpoolFile): Promise<boolean> {
  const name = parseName(path.basename(place));
  try {
    return name !== undefined && isFree(name.owner, newOwner(), Date.now() - (await lstat(place)).mtimeMs);
  } catch {
    // It was sent, or taken by another process.
    return false;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function segmentOf(
  service: string,
  folder: string,
  file: string,
  onFault: (fault: string) => void,
): Promise<SpoolFile | undefined> {
  const name = parseName(file);
  if (!name) return undefined;
  const place = path.join(folder, file);
  try {
    const stats = await lstat(place);
    if (!stats.isFile()) return undefined;
    const { level, owner, start } = name;
    const content = await contentOf(place, Math.min(start, stats.size), stats.size);
    const isInUse = !isFree(owner, newOwner(), Date.now() - stats.mtimeMs);
    return { service, level, path: place, folder, bytes: Math.max(0, stats.size - start), ...content, isInUse };
  } catch (error) {
    // It was sent, or taken by another process, in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onFault((error as Error).message);
    return undefined;
  }
}

async function contentOf(place: string, start: number, end: number) {
  const found = { records: 0, damaged: 0, oldestS: undefined as number | undefined };
  const handle = await open(place, 'r');
  try {
    let chunkBytes = CHUNK_BYTES;
    for (let at = start; at < end; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, end - at));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      const { lines, consumed, damaged } = readLines(chunk.subarray(0, bytesRead), end - at);
      found.records += lines.length;
      found.damaged += damaged;
      found.oldestS ??= lines[0]?.madeAtS;
      at += consumed;
      if (bytesRead < chunk.length) break;
      // A record that is larger than the chunk.
      chunkBytes = consumed === 0 ? chunkBytes * 4 : CHUNK_BYTES;
    }
    return found;
  } finally {
    await handle.close();
  }
}
