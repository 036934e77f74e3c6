/** What a person should know about exchanges and queues, for as long as it is so. Each is told once. */
import { internalLogger } from '../src/internal-logger.js';

export class Notices {
  readonly #sentences = new Set<string>();

  get all(): string[] {
    return [...this.#sentences];
  }

  tell(sentence: string): void {
    if (this.#sentences.has(sentence)) return;
    this.#sentences.add(sentence);
    internalLogger.warning(sentence);
  }

  /** It is no longer so. */
  withdraw(sentence: string): void {
    this.#sentences.delete(sentence);
  }
}
