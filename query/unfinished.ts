/** What stands at the end of a query that is still being typed, for completion. Pure. */
import { NAME, OPERATOR, VALUE_END, WORD_END } from './parse.js';

/** `start` is the index of `typed` in the query. Both are as written, with quotes. */
export type Unfinished =
  /** A word, a phrase, or the name of a field. */
  | { readonly type: 'name'; readonly start: number; readonly typed: string }
  | {
      readonly type: 'value';
      readonly start: number;
      readonly typed: string;
      /** The name before the operator. */
      readonly field: string;
      /** `:`, `>=` … */
      readonly operator: string;
      /** Values before it in the same list. */
      readonly others: readonly string[];
    };

/** Undefined within a regular expression, and where nothing can be added. Never throws. */
export function unfinishedPart(text: string): Unfinished | undefined {
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  const skipUntil = (end: RegExp) => {
    while (at < text.length && !end.test(text[at]!)) at++;
  };
  /** Skips what stands between two of these characters; to the end, if the second one is missing. */
  const skipEnclosed = (mark: '"' | '/') => {
    for (at++; at < text.length && text[at] !== mark; at++) if (text[at] === '\\') at++;
    at = at < text.length ? at + 1 : text.length + 1;
  };

  /** A condition. Its result is what remains unfinished at the end of the text. */
  function condition(): Unfinished | undefined {
    const start = at;
    if (text[at] === '/') {
      skipEnclosed('/');
      take(/[a-z]*/y);
      return undefined;
    }
    do {
      if (text[at] === '"') skipEnclosed('"');
      else take(NAME);
    } while (take(/\./y) !== '');
    const field = text.slice(start, at);
    const operator = take(OPERATOR);
    if (field === '' || operator === '') {
      skipUntil(WORD_END);
      return { type: 'name', start, typed: text.slice(start) };
    }
    if (text[at] === '/') {
      skipEnclosed('/');
      take(/[a-z]*/y);
      return undefined;
    }
    const others: string[] = [];
    for (;;) {
      const valueStart = at;
      if (text[at] === '"') skipEnclosed('"');
      else skipUntil(VALUE_END);
      if (text[at] !== ',') {
        return { type: 'value', start: valueStart, typed: text.slice(valueStart), field, operator, others };
      }
      others.push(text.slice(valueStart, at));
      at++;
    }
  }

  for (;;) {
    // A minus before a condition excludes it.
    take(/[\s()-]*/y);
    const found = condition();
    if (at >= text.length) return found;
    // Such as a second quote in a row, which is an error in the query.
    if (!WORD_END.test(text[at]!)) return undefined;
  }
}
