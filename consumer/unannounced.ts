/** Finds named services that no producer has announced: perhaps they are misspelled. Pure. */
import { nearest } from '../src/settings/nearest.js';

export interface Unannounced {
  readonly sentence: string;
  /** Whether a similar name was announced, so that this one is probably misspelled. */
  readonly isLikelyWrong: boolean;
}

const MOST_TOLD = 5;

/** @returns undefined if all of them are known. */
export function unannounced(named: readonly string[], announced: readonly string[]): Unannounced | undefined {
  const known = new Set(announced);
  const missing = named.filter((name) => !known.has(name));
  if (missing.length === 0) return undefined;
  const hints = missing.map((name) => ({ name, near: nearest(name, announced) }));
  // Names that may be misspelled first.
  hints.sort((a, b) => Number(b.near !== undefined) - Number(a.near !== undefined));
  const told = hints
    .slice(0, MOST_TOLD)
    .map(({ name, near }) => (near === undefined ? name : `${name} (did you mean ${near}?)`));
  const others = hints.length > MOST_TOLD ? [`${hints.length - MOST_TOLD} others`] : [];
  return {
    sentence: `no producer has announced ${[...told, ...others].join(', ')}. Clients that do not announce themselves, such as those of the Python package, can be added with "loghive services add".`,
    isLikelyWrong: hints[0]?.near !== undefined,
  };
}
