/** Names of segments. Pure. */
import { LEVELS, type Level } from '../../level.js';

/** Between the numbers of two segments: segments that go in front of an existing one have the numbers in between. */
export const NUMBER_STEP = 1000;

/**
 * `E.mh2x9k1c.3f2-5s1k9-1b6f0c2e-t4c1q-x7qd.spool`: first letter of the level, number, owner. `….x7qd.2s.spool` if what is
 * before byte 100 was confirmed.
 */
export interface SegmentName {
  readonly level: Level;
  /** The segments of a lane are in the order of their numbers. */
  readonly number: number;
  /** See `formatOwner()`. */
  readonly owner: string;
  /** The first byte that is not confirmed. */
  readonly start: number;
}

export function formatName({ level, number, owner, start }: SegmentName): string {
  const parts = [level[0], number.toString(36), owner, ...(start > 0 ? [start.toString(36)] : [])];
  return `${parts.join('.')}.spool`;
}

/** Undefined if it is not the name of a segment. */
export function parseName(file: string): SegmentName | undefined {
  const [, letter, number, owner, start] =
    /^([A-Z])\.([0-9a-z]{1,10})\.([0-9a-z-]{1,80})(?:\.([0-9a-z]{1,10}))?\.spool$/.exec(file) ?? [];
  const level = LEVELS.find((each) => each[0] === letter);
  if (!level || number === undefined || owner === undefined) return undefined;
  return { level, number: Number.parseInt(number, 36), owner, start: Number.parseInt(start ?? '0', 36) };
}
