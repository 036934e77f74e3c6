/** Takes the stacks of logged errors out of their JSON, because a stack is only readable over several lines. Pure. */
import { memberTexts } from '../../src/value/json-members.js';

/** Maximum causes shown as stacks. Further ones stay in the error's JSON. */
const MAX_CAUSES = 10;

export interface ErrorStacks {
  /** The stack of the error, then those of its causes. Empty if this is not a logged error. */
  readonly stacks: readonly string[];
  /** JSON of the error's own fields, which stacks do not show; undefined if there are none. */
  readonly fields: string | undefined;
}

/** @param json the JSON text of any value. */
export function errorStacks(json: string): ErrorStacks {
  const stacks: string[] = [];
  const levels: Map<string, string>[] = [];
  let left: string | undefined = json;
  while (stacks.length < MAX_CAUSES) {
    const members: Map<string, string> = left?.startsWith('{') ? memberTexts(left) : new Map();
    const stack = members.get('stack');
    if (!stack?.startsWith('"')) break;
    stacks.push(JSON.parse(stack) as string);
    left = members.get('cause');
    for (const name of ['stack', 'name', 'type', 'message', 'cause']) members.delete(name);
    levels.push(members);
  }
  let fields = left;
  for (const members of levels.reverse()) {
    if (fields !== undefined) members.set('cause', fields);
    fields = members.size === 0 ? undefined : objectOf(members);
  }
  return { stacks, fields };
}

/** The stacks as one text, without those that the message already shows: `console.error(error)` logs the stack. */
export function stackText(stacks: readonly string[], message: string): string {
  const shown = flush(message);
  return stacks
    .map((stack, at) => (at === 0 ? stack : `caused by ${stack}`))
    .filter((_, at) => !shown.includes(headOf(flush(stacks[at]!))))
    .join('\n');
}

/** The stack down to its first call: Node omits frames a stack has in common with its cause. */
function headOf(stack: string): string {
  return /^[\s\S]*?\nat .*/.exec(stack)?.[0] ?? stack;
}

/** Removes the indentation of lines, which differs if an error is printed inside another one. */
function flush(text: string): string {
  return text.replace(/\n[ \t]+/g, '\n');
}

function objectOf(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join()}}`;
}
