/**
 * Where loggers keep what a record has a place for: Pino, Bunyan, Winston, those of other languages, and the formats of
 * Google Cloud (`severity`), Elastic (`log.level`) and logfmt. One list for everything that reads lines.
 *
 * @module
 */

/** The first one that a line has, and that holds a level. A name with a dot may also be an object in an object. */
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

/** Syslog's numbers stand under this name: 0 is the most severe. */
export const SYSLOG_NAME = 'severity';

/** What other names the parts of an error have: Pino's, Elastic's. */
export const ERROR_NAMES: ReadonlyArray<readonly [from: string, to: string]> = [
  ['aggregateErrors', 'errors'],
  ['type', 'name'],
  ['stack_trace', 'stack'],
];
