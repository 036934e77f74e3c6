/**
 * Lines of `key=value`, as many programs of other languages log them: `level=warn msg="too slow" ms=1200`. Pure.
 *
 * @module
 */

const PAIR = /\s*([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)/y;
const NUMBER = /^-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?$/;
/** Longer lines are no such list, and a pattern takes its time with them. */
const MAX_CHARACTERS = 64 * 1024;

/**
 * The fields with the JSON text of their values: numbers and booleans as such, everything else as text. Undefined where
 * the line is anything else than two pairs or more: `a = b` in a sentence is none.
 */
export function logfmtMembers(line: string): Map<string, string> | undefined {
  if (line.length > MAX_CHARACTERS || !line.includes('=')) return undefined;
  const text = line.trimEnd();
  const members = new Map<string, string>();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < text.length) {
    const pair = PAIR.exec(text);
    if (pair === null) return undefined;
    const [, name, quoted, bare] = pair;
    members.set(name as string, quoted === undefined ? bareJson(bare as string) : quotedJson(quoted));
  }
  return members.size >= 2 ? members : undefined;
}

function bareJson(text: string): string {
  return text === 'true' || text === 'false' || text === 'null' || NUMBER.test(text) ? text : JSON.stringify(text);
}

function quotedJson(quoted: string): string {
  const unescaped = quoted.replace(/\\(.)/g, (_, character: string) => ESCAPED[character] ?? character);
  return JSON.stringify(unescaped);
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
