/**
 * A file that is written piece by piece, appears whole, and whose writing can be continued after any interruption.
 *
 *     FILE.part        the pieces so far, the last one perhaps torn
 *     FILE.part.json   the checkpoint: which export this is, and up to where FILE.part is whole
 *
 *     begun ──▶ piece, checkpoint ──▶ piece, checkpoint ──▶ … ──▶ complete ──▶ FILE.part becomes FILE
 *                        │ Ctrl-C, kill -9, a full disk, a power failure
 *                        └──the same command cuts off what follows the checkpoint, and continues
 *
 * A checkpoint is written when its piece is on the disk, and replaces the one before at once. So there is always one, and
 * what it says is true.
 */
import { type FileHandle, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { LoghiveError } from '../../src/errors.js';
import { counted } from '../../src/sentence.js';
import { identityOf, livenessOf, type ProcessIdentity } from '../embedded/process-identity.js';
import { isSystemError } from '../error-text.js';
import { withFile } from '../file-error.js';
import type { ExportRange } from './export-source.js';

/** What an export must have in common with the one that it continues, with the names for messages. */
export type ExportIdentity = Readonly<Record<'query' | 'range' | 'format' | 'database' | 'schema', string>>;

/** How far an export is. */
export interface Checkpoint {
  readonly identity: ExportIdentity;
  /** The process that writes it. */
  readonly owner: ProcessIdentity;
  /** Fixed at the first start. */
  readonly range: ExportRange;
  readonly records: number;
  /** Size of FILE.part up to here. */
  readonly bytes: number;
  /** Of the next page; absent at the beginning and at the end. */
  readonly cursor?: string | undefined;
  readonly isComplete: boolean;
}

export interface PartFile {
  readonly checkpoint: Checkpoint;
  /**
   * Resolves when the piece and the checkpoint behind it are on the disk.
   *
   * @param next cursor of the next page; undefined: the file is complete.
   */
  append(piece: Buffer, records: number, next: string | undefined): Promise<void>;
  /** Renames the complete file. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface PartFileOptions {
  readonly file: string;
  readonly identity: ExportIdentity;
  /** Replace the file if it exists, and discard an unfinished export that has another identity. */
  readonly isForced: boolean;
  /** The range of a new export. Not called if one is continued. */
  readonly chooseRange: () => Promise<ExportRange>;
}

/** @throws LoghiveError LOGHIVE_FILE_UNUSABLE, and the errors of `chooseRange`. */
export async function openPartFile({
  file: typed,
  identity,
  isForced,
  chooseRange,
}: PartFileOptions): Promise<PartFile> {
  const file = await replaceable(typed, isForced);
  const part = `${file}.part`;
  const sidecar = `${part}.json`;
  const owner = identityOf(process.pid);
  const unfinished = await unfinishedExport(part, sidecar, identity, isForced);
  let checkpoint: Checkpoint = unfinished
    ? { ...unfinished, owner }
    : { identity, owner, range: await chooseRange(), records: 0, bytes: 0, isComplete: false };
  // First, because a part without it belongs to nobody.
  await writeCheckpoint(sidecar, checkpoint);
  const handle = await withFile(`write ${part}`, () => open(part, unfinished === undefined ? 'w' : 'r+'));
  await withFile(`write ${part}`, () => handle.truncate(checkpoint.bytes));
  return {
    get checkpoint() {
      return checkpoint;
    },
    async append(piece, records, next) {
      await withFile(`write ${part}`, async () => {
        await writeAt(handle, piece, checkpoint.bytes);
        await handle.datasync();
      });
      const bytes = checkpoint.bytes + piece.length;
      const all = checkpoint.records + records;
      const reached = { ...checkpoint, records: all, bytes, cursor: next, isComplete: next === undefined };
      await writeCheckpoint(sidecar, reached);
      checkpoint = reached;
    },
    async finish() {
      // The file may have been created meanwhile.
      await replaceable(file, isForced);
      await withFile(`rename ${part} to ${file}`, () => rename(part, file));
      await withFile(`remove ${sidecar}`, () => rm(sidecar, { force: true }));
    },
    close: () => handle.close(),
  };
}

/**
 * The path to write: a link is followed.
 *
 * @throws LoghiveError LOGHIVE_FILE_UNUSABLE if something is there that must not be replaced.
 */
async function replaceable(file: string, isForced: boolean): Promise<string> {
  const found = await withFile(`write ${file}`, () => stat(file).catch(undefinedIfMissing));
  if (found === undefined) return file;
  if (found.isDirectory()) throw unusable(`${file} is a folder. Name a file in it`);
  if (!found.isFile()) throw unusable(`${file} is not a regular file. Write to it with --to - > ${file}`);
  if (!isForced) throw unusable(`${file} exists. Name another file, or replace it with --force`);
  return realpath(file);
}

/** The checkpoint of an unfinished export with this identity. Undefined: there is none, or it is discarded. */
async function unfinishedExport(
  part: string,
  sidecar: string,
  identity: ExportIdentity,
  isForced: boolean,
): Promise<Checkpoint | undefined> {
  const found = await withFile(`read ${part}`, () => stat(part).catch(undefinedIfMissing));
  if (found === undefined) return undefined;
  const text = await withFile(`read ${sidecar}`, () => readFile(sidecar, 'utf8').catch(undefinedIfMissing));
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text);
  if (checkpoint !== undefined && isOfOther(checkpoint.owner)) {
    throw unusable(`process ${checkpoint.owner.pid} is writing ${part}. Wait for it, or name another file`);
  }
  const fault =
    checkpoint === undefined
      ? `${part} exists, but ${sidecar} does not tell what it is`
      : found.size < checkpoint.bytes
        ? `${part} has ${found.size} bytes, but had ${checkpoint.bytes}: it was changed`
        : differenceText(part, checkpoint, identity);
  if (fault === undefined) return checkpoint;
  if (isForced) return undefined;
  throw unusable(`${fault}. Discard it with --force, or name another file`);
}

/** Whether another process writes it now. */
function isOfOther(owner: ProcessIdentity): boolean {
  return owner.pid !== process.pid && livenessOf(owner) === 'running';
}

function differenceText(part: string, { identity: before, records }: Checkpoint, now: ExportIdentity) {
  const names = (Object.keys(now) as (keyof ExportIdentity)[]).filter((name) => before[name] !== now[name]);
  if (names.length === 0) return undefined;
  const shown = (text: string | undefined) => (text ? `'${text}'` : 'none');
  const differences = names.map((name) => `its ${name} is ${shown(before[name])}, not ${shown(now[name])}`);
  return `${part} is another unfinished export (${counted(records, 'record')} so far): ${differences.join(', ')}`;
}

function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    const value = JSON.parse(text) as Checkpoint;
    const isValid =
      Number.isSafeInteger(value.bytes) && Number.isSafeInteger(value.records) && Number.isInteger(value.owner.pid);
    return isValid && typeof value.identity === 'object' && typeof value.range === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

async function writeCheckpoint(sidecar: string, checkpoint: Checkpoint): Promise<void> {
  const draft = `${sidecar}.draft`;
  await withFile(`write ${sidecar}`, async () => {
    const handle = await open(draft, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(checkpoint, undefined, 2)}\n`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(draft, sidecar);
  });
}

async function writeAt(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, from, bytes.length - from, at + from);
    from += bytesWritten;
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (isSystemError(error) && error.code === 'ENOENT') return undefined;
  throw error;
}

function unusable(text: string): LoghiveError {
  return new LoghiveError('LOGHIVE_FILE_UNUSABLE', `export: ${text}`);
}
