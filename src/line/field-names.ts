/**
 * The field names that loggers use for level, time and error: Pino, Bunyan, Winston, loggers of other languages, and
 * the formats of Google Cloud (`severity`), Elastic (`log.level`) and logfmt. Shared by everything that reads log
 * lines.
 *
 * @module
 */

/**
 * In order of precedence: the first field that holds a level is used. A name with a dot may also be a nested object.
 */
export const LEVEL_NAMES: readonly string[] = [
  'level',
  'severity',
  'log.level',
  'lvl',
  'levelname',
  'loglevel',
  'log_level',
  'level_name',
  '@level',
  'severityText',
  'severity_text',
];

export const TIME_NAMES: readonly string[] = ['time', 'timestamp', '@timestamp', 'ts'];

/** The field with syslog's severity numbers, in which 0 is the most severe. */
export const SYSLOG_NAME = 'severity';

/** Other names of error fields, as Pino and Elastic write them. */
export const ERROR_NAMES: ReadonlyArray<readonly [from: string, to: string]> = [
  ['aggregateErrors', 'errors'],
  ['type', 'name'],
  ['stack_trace', 'stack'],
];
