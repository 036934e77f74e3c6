/** Formatting of messages. Pure. */

/**
 * Formats a text as a sentence: it ends with exactly one full stop, even if it ends with a quoted message that already
 * has one.
 */
export function asSentence(text: string): string {
  const single = text.trimEnd().replace(/(?<!\.)\.\.(?=\s|$)/g, '.');
  return single === '' || /[.?!]$/.test(single) ? single : `${single}.`;
}

/**
 * `1 record`, `2 records`; with explicit forms `counted(pending, 'record waits', 'records wait')`. The only place that
 * handles singular and plural.
 */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
