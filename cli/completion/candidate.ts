/** What the word at the cursor can become. */
export interface Candidate {
  /** The whole word, without quotes. Begins with what is typed. */
  readonly word: string;
  /** The part of it that is new, if the rest is long. */
  readonly shown?: string;
  readonly description?: string;
  /** More of this word will follow: no space after it. */
  readonly isOpen?: boolean;
}
