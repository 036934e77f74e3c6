/** Writes an export to stdout. */
import { setImmediate } from 'node:timers/promises';
import { isSystemError } from '../error-text.js';
import { fileError } from '../file-error.js';
import type { Messages } from '../messages.js';
import { openPrinter, openStdout } from '../output.js';
import type { ExportPlan } from './export-options.js';
import { type ExportSource, readPages, withEnd } from './export-source.js';
import { recordText } from './record-text.js';

/** @throws LoghiveError LOGHIVE_FILE_UNUSABLE unless the reader has just gone; the errors of the database. */
export async function writeStdout(source: ExportSource, plan: ExportPlan, messages: Messages): Promise<void> {
  const stdout = openStdout();
  // If stdout is a file, its stream stays writable after an error.
  const errors: Error[] = [];
  stdout.on('error', (error) => errors.push(error));
  const printer = openPrinter(stdout, source.signal);
  const text = recordText(plan.format, process.stdout.isTTY === true);
  let isRead = await printer.write(text.begin);
  let records = 0;
  for await (const page of readPages(source, await withEnd(source, plan.range), undefined)) {
    records += page.records.length;
    for (const record of page.records) {
      if (!isRead || source.signal.aborted) break;
      isRead = (await printer.write(text.record(record))) && errors.length === 0;
    }
    if (!isRead) break;
  }
  // The error of the last write comes later.
  await setImmediate();
  const fault = errors.find((error) => isSystemError(error) && error.code !== 'EPIPE');
  if (fault !== undefined) throw fileError('write to stdout', fault);
  if (records === 0) messages.report('loghive export', 'no records match.');
}
