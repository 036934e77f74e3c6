import { expect, test } from 'vitest';
import { joinMembers, lastingMembers, membersOf } from '../../src/fields/member.js';

const asObject = (members: readonly { name: string; value: unknown }[]) =>
  Object.fromEntries(members.map(({ name, value }) => [name, value]));

test('of two members with the same name, the first one is used', () => {
  expect(asObject(joinMembers(membersOf({ a: 1, b: 1 }), membersOf({ b: 2, c: 2 })))).toEqual({ a: 1, b: 1, c: 2 });
});

test('joining with an empty list creates no new list', () => {
  const members = membersOf({ a: 1 });
  expect(joinMembers([], members)).toBe(members);
  expect(joinMembers(members, [])).toBe(members);
});

test('lasting members are made safe and serialized once, so that later changes have no effect', () => {
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
