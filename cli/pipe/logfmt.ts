/**
 * Parses logfmt lines: `level=warn msg="too slow" ms=1200`. Pure.
 *
 * @module
 */

const PAIR = /\s*([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)/y;
const NUMBER = /^-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?$/;
/** Longer lines are not parsed: they are unlikely to be logfmt, and matching them is slow. */
const MAX_CHARACTERS = 64 * 1024;

/**
 * Returns the fields with their values as JSON text: numbers and booleans keep their type, everything else becomes a
 * string. Undefined unless the whole line consists of at least two pairs; `a = b` in a sentence does not match.
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
