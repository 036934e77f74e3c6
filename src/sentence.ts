/** Words for people. Pure. */

/**
 * A text as it is shown. It ends with a full stop, whatever foreign words it ends with, and where those brought a full stop
 * of their own it does not stand twice.
 */
export function asSentence(text: string): string {
  const single = text.trimEnd().replace(/(?<!\.)\.\.(?=\s|$)/g, '.');
  return single === '' || /[.?!]$/.test(single) ? single : `${single}.`;
}

/**
 * `1 record`, `2 records`; with words of their own `counted(pending, 'record waits', 'records wait')`. The only place that
 * knows about singular and plural.
 */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
