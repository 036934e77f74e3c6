/** What a query searched for, so that the view can mark it. Pure. */
import { type Condition, type Query, regExpOf } from '../../query/index.js';

export interface Highlight {
  /** What to mark in messages; all have the flag `g`. */
  readonly message: readonly RegExp[];
  /** Names of the fields whose values to mark. */
  readonly fields: ReadonlySet<string>;
}

export function highlightOf({ condition }: Query): Highlight {
  const message: RegExp[] = [];
  const fields = new Set<string>();

  function add(part: Condition): void {
    switch (part.type) {
      case 'and':
      case 'or':
        part.conditions.forEach(add);
        break;
      case 'text':
        message.push(new RegExp(part.text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&'), 'giu'));
        break;
      case 'pattern':
        if (part.column === 'message') message.push(regExpOf(part.pattern, 'g'));
        break;
      case 'field':
        for (const path of part.paths) fields.add(path.join('.'));
        break;
      default:
      // Level and service are on every line already; excluded text does not occur.
    }
  }

  add(condition);
  return { message, fields };
}

/** The text with each part that one of the expressions finds passed through `paint`. */
export function marked(text: string, expressions: readonly RegExp[], paint: (part: string) => string): string {
  const ranges = expressions
    .flatMap((expression) => [...text.matchAll(expression)])
    .map(({ index, 0: { length } }) => ({ start: index, end: index + length }))
    .filter(({ start, end }) => end > start)
    .sort((one, other) => one.start - other.start);
  let shown = '';
  let done = 0;
  for (const { start, end } of ranges) {
    const from = Math.max(start, done);
    if (end <= from) continue;
    shown += text.slice(done, from) + paint(text.slice(from, end));
    done = end;
  }
  return shown + text.slice(done);
}
