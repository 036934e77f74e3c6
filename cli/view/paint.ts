/** Colors of a terminal. Pure. */
import { inspect } from 'node:util';
import type { Level } from '../../src/level.js';

export type Style = 'bold' | 'dim' | 'match' | 'service' | Level;

/** Returns the text in that style. For `service`, the text is the service's name. */
export type Paint = (style: Style, text: string) => string;

const NAMES: Readonly<Record<Exclude<Style, 'service'>, readonly string[]>> = {
  bold: ['bold'],
  dim: ['dim'],
  match: ['black', 'bgYellow'],
  DEBUG: ['dim'],
  INFO: ['green'],
  WARNING: ['yellow'],
  ERROR: ['red'],
  CRITICAL: ['bgRed', 'whiteBright'],
};
/** Readable on dark and light backgrounds. Red is left to errors. */
const SERVICE_COLORS = ['cyan', 'magenta', 'blue', 'green', 'yellow', 'cyanBright', 'magentaBright', 'blueBright'];

/** @param color false: all text stays plain. */
export function createPaint(color: boolean): Paint {
  if (!color) return (_style, text) => text;
  const codes = new Map(Object.entries(NAMES).map(([style, names]) => [style, codesOf(names)]));
  const services = SERVICE_COLORS.map((name) => codesOf([name, 'bold']));
  return (style, text) => {
    if (text === '') return '';
    const [start, end] = style === 'service' ? services[hash(text.trimEnd()) % services.length]! : codes.get(style)!;
    return start + text + end;
  };
}

function codesOf(names: readonly string[]): readonly [start: string, end: string] {
  const pairs = names.map((name) => inspect.colors[name]!);
  const sequence = (numbers: readonly number[]) => `\x1b[${numbers.join(';')}m`;
  return [sequence(pairs.map(([start]) => start)), sequence(pairs.map(([, end]) => end).reverse())];
}

/** FNV-1a: the same service has the same color in every run and on every machine. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
