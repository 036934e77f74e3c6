/** Decides which errors trigger alerts. Pure. */
import isSafe from 'safe-regex2';
import type { Level } from '../../src/level.js';
import { type Check, Expected, isOptions } from '../../src/settings/option.js';
import type { ErrorWords } from '../../src/shape.js';

export type AlertLevel = 'ERROR' | 'CRITICAL';

/** Absent criteria match everything. The first matching rule decides. */
export interface AlertRule {
  /** Service name; `*` matches any characters: `shop-*`. */
  service?: string;
  /** Minimum level: `'CRITICAL'` matches CRITICAL only. Default: ERROR and CRITICAL. */
  level?: AlertLevel;
  /**
   * Text contained in the message, or in the name or message of the error; `/…/` and `/…/i` are regular expressions.
   */
  text?: string;
  /** False suppresses alerts for matching records. Default true. */
  alert?: boolean;
}

/** Every ERROR and CRITICAL. */
export const DEFAULT_RULES: readonly AlertRule[] = Object.freeze([{ level: 'ERROR' }]);

const FORM =
  'a list of at most 100 rules such as [{ "service": "shop-*", "level": "CRITICAL", "text": "payment" }, { "text": "/time.?out/i", "alert": false }]';
const MAX_RULES = 100;
const KNOWN = new Set(['service', 'level', 'text', 'alert']);

export const alertRules: Check<readonly AlertRule[]> = (value) => {
  if (!Array.isArray(value) || value.length > MAX_RULES) throw new Expected(FORM);
  return Object.freeze(value.map(rule));
};

function rule(value: unknown): AlertRule {
  if (!isOptions(value) || Object.keys(value).some((name) => !KNOWN.has(name))) throw new Expected(FORM);
  const { service, level, text, alert } = value as Record<string, unknown>;
  if (service !== undefined && (typeof service !== 'string' || service === '')) throw new Expected(FORM);
  if (level !== undefined && level !== 'ERROR' && level !== 'CRITICAL') {
    throw new Expected(`${FORM}; a level is "ERROR" or "CRITICAL"`);
  }
  if (text !== undefined && (typeof text !== 'string' || text === '')) throw new Expected(FORM);
  if (alert !== undefined && typeof alert !== 'boolean') throw new Expected(FORM);
  if (typeof text === 'string') textTest(text);
  return Object.freeze({ ...value }) as AlertRule;
}

/** Fields that rules match against. */
export interface Candidate {
  readonly service: string;
  readonly level: Level;
  readonly message: string;
  readonly error?: ErrorWords | undefined;
}

/** @returns whether a record triggers an alert. */
export function compileRules(rules: readonly AlertRule[]): (candidate: Candidate) => boolean {
  const compiled = rules.map(({ service, level, text, alert = true }) => {
    const ofService = service === undefined ? undefined : serviceTest(service);
    const ofText = text === undefined ? undefined : textTest(text);
    const matches = (candidate: Candidate) =>
      (level !== 'CRITICAL' || candidate.level === 'CRITICAL') &&
      (ofService?.(candidate.service) ?? true) &&
      (ofText === undefined || textsOf(candidate).some(ofText));
    return { matches, alert };
  });
  return (candidate) =>
    isAlertLevel(candidate.level) && (compiled.find(({ matches }) => matches(candidate))?.alert ?? false);
}

export function isAlertLevel(level: Level): level is AlertLevel {
  return level === 'ERROR' || level === 'CRITICAL';
}

/** In UTF-16 units: a user-defined pattern must not take seconds on a message of 10 MB. */
const MAX_MATCHED_LENGTH = 4000;

function textsOf({ message, error }: Candidate): string[] {
  const texts = error === undefined ? [message] : [message, error.name, error.message];
  return texts.map((text) => text.slice(0, MAX_MATCHED_LENGTH));
}

function serviceTest(pattern: string): (service: string) => boolean {
  if (!pattern.includes('*')) return (service) => service === pattern;
  const source = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${source.join('.*')}$`, 's');
  return (service) => expression.test(service);
}

function textTest(text: string): (text: string) => boolean {
  const expression = /^\/(.+)\/(i?)$/s.exec(text);
  if (expression === null) return (within) => within.includes(text);
  let compiled: RegExp;
  try {
    compiled = new RegExp(expression[1]!, expression[2]);
  } catch (error) {
    throw new Expected(`${FORM}; ${(error as Error).message}`);
  }
  // Storing would wait for it: such an expression can take exponential time.
  if (!isSafe(compiled)) {
    throw new Expected(`${FORM}; without repetition within repetition, as in (a+)+, which can take exponential time`);
  }
  return (within) => compiled.test(within);
}
