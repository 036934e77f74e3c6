/**
 * Reports a state once when it begins, instead of each time that it is noticed: an unreachable broker, a queue with
 * different arguments, a wrong setting.
 */
export type StatusLevel = 'info' | 'warning';

export class StatusLog {
  readonly #write: (sentence: string, level: StatusLevel) => void;
  /** The last message of each topic. */
  readonly #messages = new Map<string, string>();

  /** @param write receives each new message. Default: none; callers use the result of `report`. */
  constructor(write: (sentence: string, level: StatusLevel) => void = () => {}) {
    this.#write = write;
  }

  /** The current messages, oldest first. */
  get all(): string[] {
    return [...this.#messages.values()];
  }

  /**
   * Reports a message unless it is the topic's last one.
   *
   * @param sentence undefined: the state has ended, and the next message of the topic is new.
   * @returns whether the message was new.
   */
  report(topic: string, sentence: string | undefined, level: StatusLevel = 'warning'): boolean {
    if (this.#messages.get(topic) === sentence) return false;
    // Deleted first, so that the new message is the last of all.
    this.#messages.delete(topic);
    if (sentence === undefined) return false;
    this.#messages.set(topic, sentence);
    this.#write(sentence, level);
    return true;
  }

  /** Reports a message unless the topic already has one. */
  once(sentence: string, topic = sentence): boolean {
    return !this.#messages.has(topic) && this.report(topic, sentence);
  }
}
