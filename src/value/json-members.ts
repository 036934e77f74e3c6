/**
 * Splits a JSON object into the texts of its members, so that unchanged values are passed on digit by digit. JSON.parse
 * rounds numbers past 2^53 and drops duplicate keys.
 *
 * @module
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Finds the end of the string whose opening quote is at `start`.
 *
 * @returns index of the closing quote; -1 if there is none.
 */
export function stringEnd(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let before = at - 1;
    while (json.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((at - before) % 2 === 1) return at;
  }
  return -1;
}

/**
 * Maps each (decoded) member name of a JSON object to the text of its value. Of duplicate names the last one counts, as
 * in JSON.parse. The text must be known to be a valid JSON object.
 */
export function memberTexts(json: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = json.indexOf('{') + 1;
  for (;;) {
    const nameStart = json.indexOf('"', at);
    if (nameStart === -1) return members;
    const nameEnd = stringEnd(json, nameStart);
    const start = skipSpace(json, json.indexOf(':', nameEnd) + 1);
    at = valueEnd(json, start);
    members.set(decodedName(json.slice(nameStart + 1, nameEnd)), json.slice(start, at));
    at = skipSpace(json, at) + 1; // past the comma, or the brace: then no quote follows
  }
}

/** The text of each item of a JSON array. The text must be known to be a valid JSON array. */
export function itemTexts(json: string): string[] {
  const items: string[] = [];
  for (let at = skipSpace(json, json.indexOf('[') + 1); json.charCodeAt(at) !== 0x5d; ) {
    const end = valueEnd(json, at);
    items.push(json.slice(at, end));
    at = skipSpace(json, end);
    if (json.charCodeAt(at) === 0x2c) at = skipSpace(json, at + 1);
  }
  return items;
}

/** The maximum nesting depth of arrays and objects in a valid JSON text. */
export function nesting(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(json, at);
        if (at === -1) return deepest;
        break;
      case 0x7b:
      case 0x5b:
        depth += 1;
        if (depth > deepest) deepest = depth;
        break;
      case 0x7d:
      case 0x5d:
        depth -= 1;
        break;
    }
  }
  return deepest;
}

function decodedName(written: string): string {
  return written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written;
}

/** The index after the value that begins at `start`. */
function valueEnd(json: string, start: number): number {
  const first = json.charCodeAt(start);
  if (first === QUOTE) return stringEnd(json, start) + 1;
  if (first !== 0x7b && first !== 0x5b) return literalEnd(json, start);
  let depth = 0;
  for (let at = start; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(json, at);
        break;
      case 0x7b:
      case 0x5b:
        depth += 1;
        break;
      case 0x7d:
      case 0x5d:
        depth -= 1;
        if (depth === 0) return at + 1;
        break;
    }
  }
  return json.length;
}

/** The index after the number or keyword that begins at `start`. */
export function literalEnd(json: string, start: number): number {
  let at = start;
  while (at < json.length && !isLiteralEnd(json.charCodeAt(at))) at += 1;
  return at;
}

function isLiteralEnd(unit: number): boolean {
  return unit === 0x2c || unit === 0x7d || unit === 0x5d || isSpace(unit);
}

function skipSpace(json: string, start: number): number {
  let at = start;
  while (isSpace(json.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}
