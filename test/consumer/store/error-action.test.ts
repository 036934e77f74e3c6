import { describe, expect, it } from 'vitest';
import {
  actionFor,
  type ErrorAction,
  errorAction,
  type Phase,
  withPhase,
} from '../../../consumer/store/error-action.js';

const cases: readonly [code: string | undefined, phase: Phase, expected: ErrorAction, constraint?: string][] = [
  // The connection: the outcome is unknown.
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
  // Connecting.
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
  // Transient.
  ['40001', 'copy', 'retry-transaction'],
  ['40P01', 'insert', 'retry-transaction'],
  ['40003', 'query', 'retry-transaction'],
  ['40P01', 'ddl', 'retry-transaction'],
  // The key.
  ['23505', 'copy', 'on-conflict', 'records_pkey'],
  ['23505', 'insert', 'retry', 'records_other_key'],
  // The partition changed meanwhile; constraints of the table have a name.
  ['23514', 'copy', 'refresh-partitions'],
  ['23514', 'insert', 'refresh-partitions'],
  ['23514', 'copy', 'retry', 'polite'],
  // A bad record.
  ['22021', 'copy', 'dead-letter'],
  ['22P05', 'insert', 'dead-letter'],
  ['54000', 'copy', 'dead-letter'],
  ['54001', 'insert', 'dead-letter'],
  ['23502', 'copy', 'retry'],
  ['23503', 'insert', 'retry', 'fk'],
  ['23P01', 'copy', 'retry', 'excluded'],
  // Never caused by a record.
  ['22021', 'query', 'pause'],
  ['23505', 'query', 'pause'],
  ['54000', 'query', 'pause'],
  // DDL failures that the default partition makes up for.
  ['55P03', 'ddl', 'defer'],
  ['57014', 'ddl', 'defer'],
  ['42501', 'ddl', 'defer'],
  ['42P07', 'ddl', 'defer'],
  ['42P17', 'ddl', 'defer'],
  ['23505', 'ddl', 'defer'],
  ['22008', 'ddl', 'defer'],
  ['54000', 'ddl', 'defer'],
  ['P0001', 'ddl', 'defer'],
  // DDL failures that would also fail the COPY.
  ['25006', 'ddl', 'pause'],
  ['53100', 'ddl', 'pause'],
  ['57P04', 'ddl', 'reconnect'],
  ['58030', 'ddl', 'pause'],
];

describe('the action for an error', () => {
  it.each(cases)('%s while %s is %s', (code, phase, expected, constraint) => {
    expect(errorAction({ code, phase, constraint })).toBe(expected);
  });

  it('depends on the phase in which the error first occurred', async () => {
    const error = Object.assign(new Error('no'), { code: '22021' });
    await expect(withPhase('query', withPhase('copy', Promise.reject(error)))).rejects.toBe(error);
    expect(actionFor(error)).toBe('dead-letter');
    expect(actionFor(Object.assign(new Error('no'), { code: '22021' }))).toBe('pause');
  });
});
