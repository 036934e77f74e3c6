/** How long a line logged by one worker is suppressed for other workers, in milliseconds. */
const SAME_MS = 60_000;
/** Maximum number of remembered lines. A forgotten line is logged once more, nothing worse. */
const MOST_LINES = 500;

/** Finds log lines that another worker has just logged. Pure. */
export class RepeatedLines {
  /** The worker that logged each line first, and when. Newest last. */
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
