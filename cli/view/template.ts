/** Templates of `-o template`: `{time} {level} {message} {order.id}`. Pure. */
import type { StoredRecord } from '../../src/record.js';
import { Expected } from '../../src/settings/option.js';
import { fieldText } from './field-selection.js';

export type Template = (record: StoredRecord, time: string) => string;

const COLUMNS: Readonly<Record<string, (record: StoredRecord, time: string) => string>> = {
  time: (_record, time) => time,
  ts: ({ timestamp }) => timestamp,
  id: ({ id }) => id,
  service: ({ service }) => service,
  level: ({ level }) => level,
  message: ({ message }) => message,
  information: ({ information }) => information,
};
const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t', '\\\\': '\\', '{{': '{', '}}': '}' };

/**
 * Names in braces are columns or fields of `information`; a missing field is empty. `{{` and `}}` are braces; `\n`,
 * `\t` and `\\` are a line feed, a tab and a backslash.
 *
 * @throws Expected
 */
export function parseTemplate(text: string): Template {
  const parts = text.match(/\\[nt\\]|\{\{|\}\}|\{[^{}]+\}|[\s\S]/g) ?? [];
  if (parts.length === 0 || parts.some((part) => part === '{' || part === '}')) {
    throw new Expected(
      "a template such as '{time} {level} {message} {order.id}' (write {{ and }} for braces that are not part of a name)",
    );
  }
  const writers = parts.map((part): Template => {
    if (!/^\{[^{]/.test(part)) return () => ESCAPES[part] ?? part;
    const name = part.slice(1, -1).trim();
    return COLUMNS[name] ?? (({ information }) => plainText(fieldText(information, name)));
  });
  return (record, time) => writers.map((write) => write(record, time)).join('');
}

/** A string's characters, or the JSON of any other value; empty for a missing field. */
export function plainText(json: string | undefined): string {
  if (json === undefined) return '';
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
