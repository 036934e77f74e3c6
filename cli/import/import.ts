/** `loghive import FILE…`: stores the records of files in PostgreSQL. */
import { recordId } from '../../consumer/parse-record.js';
import { expiredAt, openStore, type Store } from '../../consumer/store/index.js';
import { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { DecodeContext } from '../../src/record.js';
import { counted } from '../../src/sentence.js';
import { LocalOffsets } from '../../src/time/local-offset.js';
import type { RecordFormatName } from '../export/file-kind.js';
import { interruptible } from '../interruptible.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { createPatience, type Patience } from '../patience.js';
import { openProgress } from '../progress.js';
import type { DatabaseOptions, OutputFormat } from '../subcommand.js';
import { createBatches } from './batches.js';
import { type ImportRules, importRules, importStoreConfig } from './import-config.js';
import { openInput, type RecordInput } from './open-input.js';
import { readRecords } from './read-records.js';
import { createRefusals } from './refusals.js';
import { emptyTally, type Tally, tallyText } from './tally.js';

export interface ImportCommandOptions extends DatabaseOptions {
  format?: RecordFormatName;
  dryRun?: boolean;
  output: OutputFormat;
}

const WHO = 'loghive import';
const FAILED = 1;

export async function importRecords(
  files: readonly string[],
  { format, dryRun: isDryRun = false, output, ...database }: ImportCommandOptions,
  messages: Messages,
): Promise<void> {
  if (files.filter((file) => file === '-').length > 1) {
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', "import: '-', which is stdin, is given more than once");
  }
  const rules = importRules();
  const notice = (text: string, level: 'info' | 'warning') => internalLogger[level](text);
  const store = isDryRun ? undefined : openStore(importStoreConfig(database, rules, notice));
  const inputs: RecordInput[] = [];
  try {
    // All of them first: a wrong name should not be found after an hour.
    for (const file of files) inputs.push(await openInput(file, format));
    await interruptible(async (signal) => {
      const patience = createPatience((sentence) => messages.report(WHO, sentence), signal);
      await patience.run(async () => store?.connect());
      const tally = emptyTally();
      try {
        await readAll({ inputs, store, patience, rules, tally, messages, signal });
      } catch (error) {
        messages.report(WHO, `stopped: ${tallyText(tally, isDryRun)} ${againText(tally)}`);
        throw error;
      }
      const printer = openPrinter();
      if (output === 'json') await printer.json({ ...tally, dryRun: isDryRun });
      else await printer.line(tallyText(tally, isDryRun));
    });
  } finally {
    await store?.close();
    for (const input of inputs) await input.close();
  }
}

function againText({ withoutId }: Tally): string {
  const again = 'To continue, run the same command again';
  if (withoutId === 0) return `${again}: no record is stored twice.`;
  return `${again}: only records without an id (${withoutId} so far) are stored twice.`;
}

interface Import {
  readonly inputs: readonly RecordInput[];
  /** Undefined: only check the records. */
  readonly store: Store | undefined;
  readonly patience: Patience;
  readonly rules: ImportRules;
  readonly tally: Tally;
  readonly messages: Messages;
  readonly signal: AbortSignal;
}

/** Goes on past files that are damaged. */
async function readAll({ inputs, store, patience, rules, tally, messages, signal }: Import): Promise<void> {
  const refusals = createRefusals(messages);
  const onRefused: typeof refusals.add = (place, reason) => {
    tally.refused += 1;
    process.exitCode = FAILED;
    refusals.add(place, reason);
  };
  const batches = createBatches({ store, patience, tally, onRefused });
  const context = contextOf(rules, tally);
  const isExpired = expiredAt(Date.now(), rules.retention);
  const progress = openProgress(
    'importing',
    sumOf(inputs, ({ size }) => size ?? 0),
    messages,
  );
  let records = 0;
  try {
    for (const input of inputs) {
      try {
        for await (const some of readRecords(input, context, signal)) {
          for (const { line, parsed } of some) {
            signal.throwIfAborted();
            const place = { file: input.name, line };
            if (typeof parsed === 'string') onRefused(place, parsed);
            else if (isExpired(parsed.record)) tally.expired += 1;
            else await batches.add(parsed, place);
          }
          records += some.length;
          progress.at(
            sumOf(inputs, ({ bytesRead }) => bytesRead),
            counted(records, 'record'),
          );
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof LoghiveError) || error.code !== 'LOGHIVE_FILE_UNUSABLE') throw error;
        messages.report(WHO, error.message);
        process.exitCode = FAILED;
      }
    }
  } finally {
    try {
      // Also after an interruption: what was read may be stored.
      await batches.flush();
    } finally {
      progress.end();
      refusals.end();
    }
  }
  if (tally.withoutId > 0) {
    const which = counted(tally.withoutId, 'record has', 'records have');
    messages.report(
      WHO,
      `${which} no id. Importing the file again stores ${tally.withoutId === 1 ? 'it' : 'them'} again.`,
    );
  }
}

function contextOf({ pythonTimezone }: ImportRules, tally: Tally): DecodeContext {
  return {
    pythonTimezone,
    localOffsets: new LocalOffsets((sentence) => internalLogger.warning(sentence)),
    newId(time) {
      tally.withoutId += 1;
      return recordId(time);
    },
  };
}

function sumOf(inputs: readonly RecordInput[], size: (input: RecordInput) => number): number {
  return inputs.reduce((sum, input) => sum + size(input), 0);
}
