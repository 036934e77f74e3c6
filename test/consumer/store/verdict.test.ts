import { describe, expect, it } from 'vitest';
import { during, type Phase, type Verdict, verdict, verdictOf } from '../../../consumer/store/verdict.js';

const cases: readonly [code: string | undefined, phase: Phase, expected: Verdict, constraint?: string][] = [
  // The connection: nothing is known about the outcome.
  [undefined, 'copy', 'reconnect'],
  ['ECONNRESET', 'copy', 'reconnect'],
  ['EPIPE', 'insert', 'reconnect'],
  ['08006', 'copy', 'reconnect'],
  ['08003', 'query', 'reconnect'],
  ['57P01', 'copy', 'reconnect'],
  ['57P02', 'insert', 'reconnect'],
  ['57P03', 'query', 'reconnect'],
  ['57P05', 'copy', 'reconnect'],
  ['25P03', 'query', 'reconnect'],
  ['25P04', 'copy', 'reconnect'],
  ['57P01', 'ddl', 'reconnect'],
  ['ETIMEDOUT', 'copy', 'pause'],
  // Opening one.
  [undefined, 'connect', 'pause'],
  ['ECONNREFUSED', 'connect', 'pause'],
  ['28P01', 'connect', 'pause'],
  ['3D000', 'connect', 'pause'],
  ['53300', 'connect', 'pause'],
  ['22023', 'connect', 'pause'],
  // The server or the schema.
  ['25006', 'copy', 'pause'],
  ['53100', 'copy', 'pause'],
  ['53200', 'insert', 'pause'],
  ['55P03', 'copy', 'pause'],
  ['55006', 'insert', 'pause'],
  ['57014', 'copy', 'pause'],
  ['58030', 'copy', 'pause'],
  ['28000', 'copy', 'pause'],
  ['3D000', 'copy', 'pause'],
  ['3F000', 'copy', 'pause'],
  ['42P01', 'copy', 'pause'],
  ['42501', 'insert', 'pause'],
  ['42703', 'copy', 'pause'],
  ['P0001', 'copy', 'pause'],
  ['XX000', 'copy', 'pause'],
  ['0A000', 'insert', 'pause'],
  ['F0000', 'copy', 'pause'],
  ['ZZ999', 'copy', 'pause'],
  // Chance.
  ['40001', 'copy', 'repeat'],
  ['40P01', 'insert', 'repeat'],
  ['40003', 'query', 'repeat'],
  ['40P01', 'ddl', 'repeat'],
  // The key.
  ['23505', 'copy', 'on-conflict', 'records_pkey'],
  ['23505', 'insert', 'retry', 'records_other_key'],
  // The partition changed meanwhile; a constraint of the table has a name.
  ['23514', 'copy', 'refresh-partitions'],
  ['23514', 'insert', 'refresh-partitions'],
  ['23514', 'copy', 'retry', 'polite'],
  // One record.
  ['22021', 'copy', 'hopeless'],
  ['22P05', 'insert', 'hopeless'],
  ['54000', 'copy', 'hopeless'],
  ['54001', 'insert', 'hopeless'],
  ['23502', 'copy', 'retry'],
  ['23503', 'insert', 'retry', 'fk'],
  ['23P01', 'copy', 'retry', 'excluded'],
  // Never a record's fault.
  ['22021', 'query', 'pause'],
  ['23505', 'query', 'pause'],
  ['54000', 'query', 'pause'],
  // DDL that the default partition makes up for.
  ['55P03', 'ddl', 'later'],
  ['57014', 'ddl', 'later'],
  ['42501', 'ddl', 'later'],
  ['42P07', 'ddl', 'later'],
  ['42P17', 'ddl', 'later'],
  ['23505', 'ddl', 'later'],
  ['22008', 'ddl', 'later'],
  ['54000', 'ddl', 'later'],
  ['P0001', 'ddl', 'later'],
  // DDL that fails as the COPY after it would.
  ['25006', 'ddl', 'pause'],
  ['53100', 'ddl', 'pause'],
  ['57P04', 'ddl', 'reconnect'],
  ['58030', 'ddl', 'pause'],
];

describe('the verdict on an error', () => {
  it.each(cases)('%s while %s is %s', (code, phase, expected, constraint) => {
    expect(verdict({ code, phase, constraint })).toBe(expected);
  });

  it('goes by the phase in which the error came first', async () => {
    const error = Object.assign(new Error('no'), { code: '22021' });
    await expect(during('query', during('copy', Promise.reject(error)))).rejects.toBe(error);
    expect(verdictOf(error)).toBe('hopeless');
    expect(verdictOf(Object.assign(new Error('no'), { code: '22021' }))).toBe('pause');
  });
});
