/** Names that were read a moment ago, in a file of the user's, one for each database and kind of name. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { maskUrl } from '../../src/settings/mask-url.js';
import { cacheFolder } from '../embedded/cache-folder.js';
import { readTrustedFile, writeTrustedFile } from '../embedded/trusted-file.js';
import { openTrustedFolder } from '../embedded/trusted-folder.js';

export interface NameCache {
  /** Undefined if there are none. Never throws. */
  read(nowMs: number): { readonly names: readonly string[]; readonly isFresh: boolean } | undefined;
  /** @param freshUntilMs epoch milliseconds. Never throws: completion works without a cache. */
  write(names: readonly string[], freshUntilMs: number): void;
}

/** A later time was written under another clock, in milliseconds. */
const MAX_FRESH_MS = 10 * 60_000;

export function openNameCache(databaseUrl: string, schema: string, kind: string): NameCache {
  // A hash of the URL with its password could be used to guess it.
  const key = JSON.stringify([maskUrl(databaseUrl), schema, kind]);
  const name = `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`;
  // The folder is created with mode 0700, and not used if others can write to it.
  const file = () => path.join(openTrustedFolder(path.join(cacheFolder(), 'names')), name);
  return {
    read(nowMs) {
      try {
        const { names, freshUntilMs } = JSON.parse(readTrustedFile(file())?.text ?? '');
        if (!Array.isArray(names) || !names.every((each) => typeof each === 'string')) return undefined;
        const leftMs = freshUntilMs - nowMs;
        return { names, isFresh: leftMs > 0 && leftMs <= MAX_FRESH_MS };
      } catch {
        return undefined;
      }
    },
    write(names, freshUntilMs) {
      try {
        writeTrustedFile(file(), JSON.stringify({ names, freshUntilMs }));
      } catch {
        // The disk is full or read-only, or the folder is not safe.
      }
    },
  };
}
