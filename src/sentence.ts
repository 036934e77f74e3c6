/**
 * A text for people, as it is shown. It ends with a full stop, whatever foreign words it ends with, and where those brought
 * a full stop of their own it does not stand twice. Pure.
 */
export function asSentence(text: string): string {
  const single = text.trimEnd().replace(/(?<!\.)\.\.(?=\s|$)/g, '.');
  return single === '' || /[.?!]$/.test(single) ? single : `${single}.`;
}
