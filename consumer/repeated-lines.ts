/** For how long a line that one worker has logged is not logged again for another one, in milliseconds. */
const SAME_MS = 60_000;
/** Older lines are forgotten: what is not remembered is logged once too often, no more. */
const MOST_LINES = 500;

/** Which lines of workers say what another worker has just said. Pure. */
export class RepeatedLines {
  /** Who said it first, and when; the newest last. */
  readonly #said = new Map<string, { readonly worker: number; readonly atMs: number }>();

  isRepeated(worker: number, line: string, nowMs: number): boolean {
    const before = this.#said.get(line);
    if (before && before.worker !== worker && nowMs - before.atMs < SAME_MS) return true;
    this.#said.delete(line);
    this.#said.set(line, { worker, atMs: nowMs });
    if (this.#said.size > MOST_LINES) this.#said.delete(this.#said.keys().next().value!);
    return false;
  }
}
