/** What a consumer says of its servers: each change in one line, not each attempt. */
import { internalLogger } from '../src/internal-logger.js';

/** Things whose state is told, each on its own: two servers that are away must not make each other news. */
export type Topic = 'broker' | 'queues' | 'storage' | 'retries';

export class Teller {
  readonly #last = new Map<Topic, string>();

  info(topic: Topic, sentence: string): void {
    if (this.#isNews(topic, sentence)) internalLogger.info(sentence);
  }

  warning(topic: Topic, sentence: string): void {
    if (this.#isNews(topic, sentence)) internalLogger.warning(sentence);
  }

  /** Whatever is said of it next is news. */
  forget(topic: Topic): void {
    this.#last.delete(topic);
  }

  #isNews(topic: Topic, sentence: string): boolean {
    if (this.#last.get(topic) === sentence) return false;
    this.#last.set(topic, sentence);
    return true;
  }
}
