/** Suggests the name that was probably meant. Pure. */

/** @returns the known name that differs in at most two letters, or begins with the same four or more. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((other) => ({ other, steps: steps(name.toLowerCase(), other.toLowerCase()) }))
    .filter(({ other, steps }) => steps <= 2 || sharedStart(name, other) >= 4)
    .sort((a, b) => a.steps - b.steps);
  return best?.other;
}

function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

/** Levenshtein distance: the number of letters to insert, remove or replace. */
function steps(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [above, letter] of [...one].entries()) {
    const next = [above + 1];
    for (let at = 0; at < other.length; at++) {
      next.push(Math.min(row[at]! + (other[at] === letter ? 0 : 1), row[at + 1]! + 1, next[at]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
