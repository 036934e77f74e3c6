/** Writes an export to a file. */
import { counted } from '../../src/sentence.js';
import { parseTimestamp } from '../../src/time/timestamp.js';
import { sizeText } from '../columns.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { openProgress, type Progress } from '../progress.js';
import { compressorOf } from './compress.js';
import type { ExportPlan } from './export-options.js';
import { type ExportPage, type ExportRange, type ExportSource, readPages, withEnd } from './export-source.js';
import { type ExportIdentity, openPartFile, type PartFile } from './part-file.js';
import { recordText } from './record-text.js';

const WHO = 'loghive export';

/** @throws LoghiveError LOGHIVE_FILE_UNUSABLE; the errors of the database. */
export async function writeFile(
  source: ExportSource,
  plan: ExportPlan,
  file: string,
  identity: ExportIdentity,
  messages: Messages,
): Promise<void> {
  const { isForced } = plan;
  const target = await openPartFile({ file, identity, isForced, chooseRange: () => withEnd(source, plan.range) });
  const before = target.checkpoint.records;
  if (before > 0) messages.report(WHO, `continuing after ${counted(before, 'record')}.`);
  try {
    await writePages(source, plan, target, messages);
    await target.finish();
  } catch (error) {
    const { records } = target.checkpoint;
    const kept = records === 0 ? '' : ` after ${counted(records, 'record')}, which are in ${file}.part`;
    messages.report(WHO, `stopped${kept}. To continue, run the same command again.`);
    throw error;
  } finally {
    await target.close();
  }
  const { records, bytes } = target.checkpoint;
  const what = records === 0 ? 'no records match. Empty file' : `${counted(records, 'record')} exported`;
  await openPrinter().line(`${what}: ${file} (${sizeText(bytes)}).`);
}

async function writePages(source: ExportSource, plan: ExportPlan, target: PartFile, messages: Messages): Promise<void> {
  const { range, cursor, isComplete } = target.checkpoint;
  if (isComplete) return;
  const compress = compressorOf(plan.compression);
  const text = recordText(plan.format, false);
  const progress = openTimeProgress(range, messages);
  try {
    for await (const page of readPages(source, range, cursor)) {
      source.signal.throwIfAborted();
      const begin = target.checkpoint.bytes === 0 ? text.begin : '';
      const piece = await compress(begin + page.records.map(text.record).join(''));
      await target.append(piece, page.records.length, page.next);
      const { records, bytes } = target.checkpoint;
      progress.at(page, `${counted(records, 'record')}, ${sizeText(bytes)}`);
    }
  } finally {
    progress.end();
  }
}

/** How many records match is known only when all are read. But it is known which part of the time is done. */
function openTimeProgress({ since, until }: ExportRange, messages: Messages) {
  let progress: Progress | undefined;
  let startS: number | undefined;
  return {
    at({ records }: ExportPage, text: string): void {
      const [first, last] = [records[0], records.at(-1)];
      if (first === undefined || last === undefined) return;
      startS ??= secondsOf(since ?? first.timestamp);
      progress ??= openProgress('exporting', secondsOf(until ?? last.timestamp) - startS, messages);
      progress.at(secondsOf(last.timestamp) - startS, text);
    },
    end: () => progress?.end(),
  };
}

function secondsOf(timestamp: string): number {
  return parseTimestamp(timestamp)?.seconds ?? 0;
}
