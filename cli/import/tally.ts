/** What became of the records of an import. Pure. */
import { counted } from '../../src/sentence.js';

export interface Tally {
  /** With `--dry-run`: those that could be stored. */
  stored: number;
  alreadyThere: number;
  refused: number;
  /** Older than the retention period. */
  expired: number;
  /** Records without an id, which got a new one. */
  withoutId: number;
}

export function emptyTally(): Tally {
  return { stored: 0, alreadyThere: 0, refused: 0, expired: 0, withoutId: 0 };
}

/** `12 records stored, 3 already there, 1 refused.` */
export function tallyText({ stored, alreadyThere, refused, expired }: Tally, isDryRun: boolean): string {
  const parts = [
    `${counted(stored, 'record')} ${isDryRun ? 'can be stored' : 'stored'}`,
    ...(isDryRun ? [] : [`${alreadyThere} already there`]),
    `${refused} refused`,
    ...(expired === 0 ? [] : [`${expired} expired`]),
  ];
  return `${parts.join(', ')}.${isDryRun ? ' Nothing was stored.' : ''}`;
}
