import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onEnd } from '../support/use-servers.js';

/** A folder, removed at the end. @returns the path of a file in it. */
export function useFolder(): (name: string) => string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-files-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => path.join(folder, name);
}
