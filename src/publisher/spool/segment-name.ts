/** Names of segments. Pure. */
import { LEVELS, type Level } from '../../level.js';

/** `E.mh2x9k1c.3f2-5s1k9-1b6f0c2e-t4c1q-x7qd.spool`: first letter of the level, number, owner. */
export interface SegmentName {
  readonly level: Level;
  /** The segments of a lane are in the order of their numbers. */
  readonly number: number;
  /** See `formatOwner()`. */
  readonly owner: string;
}

export function formatName({ level, number, owner }: SegmentName): string {
  return `${level[0]}.${number.toString(36)}.${owner}.spool`;
}

/** Undefined if it is not the name of a segment. */
export function parseName(file: string): SegmentName | undefined {
  const [, letter, number, owner] = /^([A-Z])\.([0-9a-z]{1,10})\.([0-9a-z-]{1,80})\.spool$/.exec(file) ?? [];
  const level = LEVELS.find((each) => each[0] === letter);
  if (!level || number === undefined || owner === undefined) return undefined;
  return { level, number: Number.parseInt(number, 36), owner };
}
