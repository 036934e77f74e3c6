/**
 * Splits `information` into what fits on a line, `order.id=7`, and what needs lines of its own: stacks, texts of several
 * lines, and larger arrays. Pure.
 */
import { memberTexts } from '../../src/value/json-members.js';
import { errorStacks, stackText } from './error-stacks.js';

export interface Field {
  /** Name as a query takes it, for example `order.id`. */
  readonly name: string;
  /** JSON text of the value. */
  readonly json: string;
}

export interface RecordParts {
  readonly inline: readonly Field[];
  readonly below: readonly Field[];
  /** The stacks of errors and their causes; empty if there are none. */
  readonly stacks: string;
  /** Number of fields left out. */
  readonly left: number;
}

const MAX_DEPTH = 4;
const MAX_FIELDS = 100;
/** A longer array or object is laid out on lines of its own, in characters. */
const MAX_INLINE_JSON = 60;

/** @param information a valid JSON object. */
export function recordParts(information: string, message: string): RecordParts {
  if (information === '{}') return NO_PARTS;
  const stacks: string[] = [];
  const fields: Field[] = [];
  let left = 0;

  function add(name: string, json: string, depth: number): void {
    const error = json.startsWith('{') ? errorStacks(json) : undefined;
    if (error !== undefined && error.stacks.length > 0) {
      stacks.push(stackText(error.stacks, message));
      if (error.fields !== undefined) addValue(name, error.fields, depth);
    } else addValue(name, json, depth);
  }

  function addValue(name: string, json: string, depth: number): void {
    const members = json.startsWith('{') && depth < MAX_DEPTH ? memberTexts(json) : NO_MEMBERS;
    if (members.size > 0) for (const [inner, text] of members) add(`${name}.${inner}`, text, depth + 1);
    else if (fields.length < MAX_FIELDS) fields.push({ name, json });
    else left++;
  }

  const members = memberTexts(information);
  const stack = members.get('stack');
  if (stack?.startsWith('"')) {
    // Winston's format.errors({ stack: true }) puts the stack of a logged error beside its other fields.
    stacks.push(stackText([JSON.parse(stack) as string], message));
    members.delete('stack');
  }
  for (const [name, text] of members) add(name, text, 1);
  return {
    inline: fields.filter((field) => !needsLines(field)),
    below: fields.filter(needsLines),
    stacks: stacks.filter((text) => text !== '').join('\n'),
    left,
  };
}

const NO_MEMBERS: ReadonlyMap<string, string> = new Map();
const NO_PARTS: RecordParts = { inline: [], below: [], stacks: '', left: 0 };

function needsLines({ json }: Field): boolean {
  if (json.startsWith('"')) return json.includes('\\n') && (JSON.parse(json) as string).trimEnd().includes('\n');
  return /^[[{]/.test(json) && json.length > MAX_INLINE_JSON;
}
