/** The options of `loghive import`. */
import { type Command, Option } from 'commander';
import { RECORD_FORMATS } from '../export/file-kind.js';
import type { Messages } from '../messages.js';
import { addDatabaseOptions, addOutputOption, subcommand } from '../subcommand.js';

const EXIT_CODES =
  'Exit codes:\n  0  every record is stored, or has expired\n  1  records were refused, or failure\n  2  usage error';

export function importCommand(root: Command, messages: Messages): void {
  const examples = [
    'loghive import logs.ndjson.gz',
    'loghive import --dry-run 2026-*.csv.gz',
    'zcat old.ndjson.gz | loghive import -',
  ];
  const command = subcommand(root, 'import', examples, EXIT_CODES)
    .summary('store the records of files')
    .description(
      'Store the records of files that "loghive export" wrote, or of other files with one record a line, in PostgreSQL. Ids and times are kept, so records that are there already are not stored again. Records that have expired (RETENTION_DAYS) are not stored. Compression (gzip, zstd) is recognized.',
    )
    .argument('<files...>', "files to read; '-': stdin")
    .addOption(
      new Option('--format <format>', 'format of the files (default: by name or content)').choices(RECORD_FORMATS),
    )
    .option('--dry-run', 'only check the records; needs no database');
  addOutputOption(addDatabaseOptions(command)).action(async (files: string[], options) =>
    (await import('./import.js')).importRecords(files, options, messages),
  );
}
