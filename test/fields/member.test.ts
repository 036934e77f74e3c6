import { expect, test } from 'vitest';
import { joinMembers, lastingMembers, membersOf } from '../../src/fields/member.js';

const asObject = (members: readonly { name: string; value: unknown }[]) =>
  Object.fromEntries(members.map(({ name, value }) => [name, value]));

test('of two with one name the first is taken', () => {
  expect(asObject(joinMembers(membersOf({ a: 1, b: 1 }), membersOf({ b: 2, c: 2 })))).toEqual({ a: 1, b: 1, c: 2 });
});

test('an empty side costs no list of its own', () => {
  const members = membersOf({ a: 1 });
  expect(joinMembers([], members)).toBe(members);
  expect(joinMembers(members, [])).toBe(members);
});

test('lasting ones are as they were when they were given, made safe, and written once', () => {
  const fields = { region: 'eu', deep: { n: 1 }, big: 1n, nul: 'a\0', none: undefined };
  const members = lastingMembers(fields);
  fields.deep.n = 2;
  expect(members).toEqual([
    { name: 'region', value: 'eu', json: '"eu"' },
    { name: 'deep', value: expect.anything(), json: '{"n":1}' },
    { name: 'big', value: '1n', json: '"1n"' },
    { name: 'nul', value: 'a\u2400', json: '"a\u2400"' },
  ]);
});
