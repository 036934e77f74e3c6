/** Lists of names of fields of `information`, such as `requestId,order.id`. Pure. */
import { cleanText } from '../value/safe-text.js';
import { type Check, Expected } from './option.js';

const MAX_LENGTH = 200;

export function fieldNames(max: number): Check<readonly string[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > max || !value.every(isFieldName)) {
      throw new Expected(
        `a list of at most ${max} names of fields of information, such as requestId,order.id (a dot separates nested names)`,
      );
    }
    return Object.freeze([...new Set(value)]);
  };
}

function isFieldName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false;
  // PostgreSQL accepts no other text.
  return cleanText(value) === value && value.split('.').every((name) => name.trim() !== '');
}

export function fieldNamesText(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
