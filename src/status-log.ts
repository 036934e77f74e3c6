/**
 * Says what is so once, when it begins to be so, and not each time that it is noticed: a broker that is away, a queue with
 * other arguments, a wrong setting.
 */
export type StatusLevel = 'info' | 'warning';

export class StatusLog {
  readonly #write: (sentence: string, level: StatusLevel) => void;
  /** What was said last, by topic. */
  readonly #said = new Map<string, string>();

  /** @param write takes each sentence that is news. Default: nobody; what is news, `report` says. */
  constructor(write: (sentence: string, level: StatusLevel) => void = () => {}) {
    this.#write = write;
  }

  /** What stands at this moment, the oldest first. */
  get all(): string[] {
    return [...this.#said.values()];
  }

  /**
   * Says it unless it was said last of this topic.
   *
   * @param sentence undefined: nothing stands of it any more, and whatever comes next is news.
   * @returns whether it was news.
   */
  report(topic: string, sentence: string | undefined, level: StatusLevel = 'warning'): boolean {
    if (this.#said.get(topic) === sentence) return false;
    // What is said anew stands behind what was said before.
    this.#said.delete(topic);
    if (sentence === undefined) return false;
    this.#said.set(topic, sentence);
    this.#write(sentence, level);
    return true;
  }

  /** Says it unless something was said of its topic before. */
  once(sentence: string, topic = sentence): boolean {
    return !this.#said.has(topic) && this.report(topic, sentence);
  }
}
