import { expect, test } from 'vitest';
import { type AlertRule, alertRules, compileRules, DEFAULT_RULES } from '../../../consumer/alerts/rules.js';
import type { Level } from '../../../src/level.js';

const record = (level: Level, service = 'shop', message = 'payment failed') => ({ level, service, message });

test.each<[AlertRule[], string, boolean[]]>([
  [[...DEFAULT_RULES], 'by default every ERROR and CRITICAL', [false, false, true, true, true, true]],
  [[{ level: 'CRITICAL' }], 'a level', [false, false, false, true, false, false]],
  [[{ service: 'shop' }], 'a service', [false, false, true, true, false, true]],
  [[{ service: 's*p' }], 'a service with a star', [false, false, true, true, false, true]],
  [[{ text: 'payment' }], 'a text', [false, false, true, true, true, false]],
  [[{ text: '/TIME.?OUT/i' }], 'a pattern', [false, false, false, false, false, true]],
  [[{ text: 'PAYMENT' }], 'a text in other letters', [false, false, false, false, false, false]],
  [[{ service: 'till', alert: false }, {}], 'all but a service', [false, false, true, true, false, true]],
  [[{ level: 'CRITICAL', service: 'till' }], 'both', [false, false, false, false, false, false]],
  [[], 'none at all', [false, false, false, false, false, false]],
])('%j is about %s', (rules, _, wanted) => {
  const records = [
    record('INFO'),
    record('WARNING'),
    record('ERROR'),
    record('CRITICAL'),
    record('ERROR', 'till'),
    { ...record('ERROR', 'shop', 'no'), error: { name: 'TimeoutError', message: 'late' } },
  ];
  expect(records.map(compileRules(alertRules(rules)))).toEqual(wanted);
});

test.each<[unknown, RegExp]>([
  ['shop', /^a list of at most 100 rules/],
  [[{ services: 'shop' }], /^a list of at most 100 rules/],
  [[{ level: 'WARNING' }], /a level is "ERROR" or "CRITICAL"$/],
  [[{ text: '/(/' }], /Invalid regular expression/],
  [[{ text: '/(\\w+\\s?)+$/' }], /without repetition within repetition/],
  [[{ alert: 'no' }], /^a list of at most 100 rules/],
  [[{ service: '' }], /^a list/],
  [Array.from({ length: 101 }, () => ({})), /^a list/],
])('%j is refused', (rules, words) => {
  expect(() => alertRules(rules)).toThrow(words);
});
