/** Writes an export to stdout. */
import { isSystemError } from '../error-text.js';
import { fileError } from '../file-error.js';
import type { Messages } from '../messages.js';
import { openPrinter, openStdout } from '../output.js';
import type { ExportPlan } from './export-options.js';
import { type ExportSource, readPages, withEnd } from './export-source.js';
import { recordText } from './record-text.js';

/** Ends without an error when the reader has gone. @throws LoghiveError LOGHIVE_FILE_UNUSABLE; the errors of the database. */
export async function writeStdout(source: ExportSource, plan: ExportPlan, messages: Messages): Promise<void> {
  const stdout = openStdout();
  const printer = openPrinter(stdout, source.signal);
  const text = recordText(plan.format, process.stdout.isTTY === true);
  let isRead = await printer.write(text.begin);
  let records = 0;
  for await (const page of readPages(source, await withEnd(source, plan.range), undefined)) {
    records += page.records.length;
    for (const record of page.records) {
      if (!isRead || source.signal.aborted) break;
      isRead = await printer.write(text.record(record));
    }
    if (!isRead) break;
  }
  const { errored } = stdout;
  if (isSystemError(errored) && errored.code !== 'EPIPE') throw fileError('write to stdout', errored);
  if (records === 0) messages.report('loghive export', 'no records match.');
}
