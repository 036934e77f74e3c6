/** Reproducible random numbers: the same seed gives the same sequence (mulberry32). */

/** @returns a function that returns numbers in [0, 1). */
export function seeded(text) {
  let state = 0;
  for (const character of text) state = (Math.imul(state, 31) + character.codePointAt(0)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
