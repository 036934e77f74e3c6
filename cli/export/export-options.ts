/** The checked options of `loghive export`. */
import { LoghiveError } from '../../src/errors.js';
import { checkedOption, typedInteger } from '../checked-option.js';
import type { DatabaseOptions } from '../subcommand.js';
import { parseTime } from '../time-option.js';
import { timeZoneOf } from '../view/format-options.js';
import { type Compression, fileKind, type RecordFormatName } from './file-kind.js';

/** As typed on the command line. */
export interface ExportCommandOptions extends DatabaseOptions {
  to: string;
  format?: RecordFormatName;
  since?: string;
  until?: string;
  timeZone?: string;
  force?: boolean;
  timeout: string;
}

export interface ExportPlan {
  /** Undefined: stdout. */
  readonly file: string | undefined;
  readonly format: RecordFormatName;
  readonly compression: Compression;
  /** Canonical times. */
  readonly range: { readonly since: string | undefined; readonly until: string | undefined };
  /** The range as it was typed: a later run with the same words continues this one, although `1h` means another time. */
  readonly typedRange: string;
  readonly timeoutMs: number;
  readonly isForced: boolean;
}

const OWNER = 'export';

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function planOf(options: ExportCommandOptions, nowMs = Date.now()): ExportPlan {
  const isStdout = options.to === '-';
  const named = fileKind(options.to);
  const format = options.format ?? (isStdout ? 'ndjson' : named.format);
  if (format === undefined) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${OWNER}: the name ${JSON.stringify(options.to)} does not tell the format. End it with .ndjson, .jsonl or .csv (then .gz or .zst to compress), or add --format ndjson.`,
    );
  }
  const timeZone = timeZoneOf(OWNER, options.timeZone);
  const time = (name: 'since' | 'until') => {
    const text = options[name];
    return text === undefined
      ? undefined
      : checkedOption(OWNER, name, text, (typed) => parseTime(typed, nowMs, timeZone));
  };
  const typed = [
    ...(options.since === undefined ? [] : [`--since ${options.since}`]),
    ...(options.until === undefined ? [] : [`--until ${options.until}`]),
  ];
  return {
    file: isStdout ? undefined : options.to,
    format,
    compression: isStdout ? 'none' : named.compression,
    range: { since: time('since'), until: time('until') },
    typedRange: typed.length === 0 ? '' : [...typed, `--time-zone ${timeZone}`].join(' '),
    timeoutMs: 1000 * checkedOption(OWNER, 'timeout', options.timeout, typedInteger(0, 86_400, 'seconds; 0: none')),
    isForced: options.force === true,
  };
}
