/** What a list of patterns does not contain, and why. Pure. */
import type { Patterns, Reading } from '../../query/index.js';
import { counted } from '../../src/sentence.js';
import { localTime } from '../view/local-time.js';
import type { PatternFormat } from './pattern-formats.js';
import { DEFAULT_LIMIT, type PatternPlan } from './pattern-options.js';

/** Sentences. What makes the list incomplete is said in every format, the rest only to people. */
export function noticesOf(
  { patterns, reading, comparison, ungrouped }: Patterns,
  { limit, reading: { since, newOnly } }: PatternPlan,
  format: PatternFormat,
  timeZone: string,
): string[] {
  const isForPerson = format === 'pretty';
  const timeOf = (timestamp: string) => localTime(timestamp, timeZone).slice(0, 19);
  const more = patterns.length - (limit ?? DEFAULT_LIMIT);
  const notices: string[] = [];
  if (patterns.length === 0 && reading.end === 'all' && isForPerson) {
    notices.push(comparison === undefined ? 'no records match.' : 'nothing new.');
  }
  if (reading.end !== 'all')
    notices.push(`${reasonOf(reading)}: ${extentOf(reading, timeOf)}. ${REMEDIES[reading.end]}`);
  if (more > 0 && (isForPerson || limit === undefined)) {
    notices.push(`${counted(more, 'more pattern')}. --limit shows more.`);
  }
  if (ungrouped > 0) {
    notices.push(
      `${counted(ungrouped, 'record belongs', 'records belong')} to further patterns: the first ${patterns.length + (comparison?.known ?? 0)} are kept. Add a service or a level to the query.`,
    );
  }
  if (comparison === undefined || since === undefined) return notices;
  if (comparison.end !== 'all') {
    notices.push(
      `compared with only a part of the records before ${timeOf(since)}: ${extentOf(comparison, timeOf)}. What last occurred before that may be shown as new. ${REMEDIES[comparison.end]}`,
    );
  } else if (isForPerson) {
    const from = newOnly?.comparedSince === undefined ? '' : `, back to ${timeOf(newOnly.comparedSince)}`;
    notices.push(
      `compared with the records before ${timeOf(since)}${from}: ${counted(comparison.known, 'other pattern')} occurred there.`,
    );
  }
  return notices;
}

const REMEDIES: Readonly<Record<Exclude<Reading['end'], 'all'>, string>> = {
  records: '--max-records reads more.',
  time: '--timeout gives it more time.',
  stopped: 'Interrupted.',
};

function reasonOf({ end }: Reading): string {
  return end === 'records' ? 'only the newest records were read' : 'only a part was read';
}

/** `100000 records, back to 2026-01-31 10:30:45` */
function extentOf({ records, readTo }: Reading, timeOf: (timestamp: string) => string): string {
  return readTo === undefined ? 'none' : `${counted(records, 'record')}, back to ${timeOf(readTo)}`;
}
