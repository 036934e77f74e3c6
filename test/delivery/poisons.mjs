/**
 * Messages that are hard on consumers, each of one kind: headers, other properties, number of lines, size, depth,
 * PostgreSQL run time, PostgreSQL errors. Each must end as a record or as a dead letter, without delaying other
 * messages.
 */
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { recordLine } from '../suite/raw-publisher.mjs';
import { field, fields, nested, propertyBytes, table } from '../support/amqp/property-bytes.mjs';

const MIB = 1024 * 1024;
const JSON_TYPE = 'application/json';
const FRAME_TYPE = 'application/x-ndjson';

/** The errors that PostgreSQL raises for records with `raise`; see TRIGGER. */
const SQLSTATES = ['P0001', 'XX000', '22023', '23514', '53200', '0A000', '42883', '40001'];

/** Makes PostgreSQL slow or raise an error, for marked records only. */
export const TRIGGER = `
  create function logs.poison() returns trigger language plpgsql as $$
  begin
    if new.information ? 'sleep' then perform pg_sleep(60); end if;
    if new.information ? 'raise' then raise 'this record is marked' using errcode = new.information->>'raise'; end if;
    return new;
  end $$;
  create trigger poison before insert on logs.records for each row execute function logs.poison()`;

/**
 * @param service the record's service.
 * @param mark occurs in the first or last 300 bytes of every body, and is the ref if it is a record.
 * @returns a list of [name, { properties, body }]; bodies are created lazily, because some are large.
 */
export function poisons(service, mark) {
  const line = (name, more = {}) =>
    Buffer.from(
      recordLine({ service, ref: mark(name), id: randomUUID(), timestamp: new Date().toISOString(), ...more }),
    );
  const withProperties = (given) => (name) => ({ properties: propertyBytes(given), body: line(name) });
  const withHeaders = (headers) => withProperties({ contentType: JSON_TYPE, headers });
  const withInformation = (information, headers) => (name) => ({
    properties: propertyBytes({ contentType: JSON_TYPE, ...(headers ? { headers } : {}) }),
    body: line(name, { information }),
  });
  const withBody =
    (makeBody, contentType = JSON_TYPE) =>
    (name) => ({
      properties: propertyBytes({ contentType }),
      body: makeBody(name),
    });
  const retried = (headers) => withInformation({ raise: '23514' }, headers);

  return Object.entries({
    'tables 12,000 deep': withHeaders({ deep: nested(12_000) }),
    'arrays 25,000 deep': withHeaders({ deep: nested(25_000, 'A') }),
    'a header L': withHeaders({ long: fields.L(2n ** 40n) }),
    'a header L within': withHeaders({ list: fields.A([fields.F([['l', fields.L(-1)]])]) }),
    'not a number': withHeaders({ number: fields.d(Number.NaN) }),
    'a header of an unknown type': withHeaders({ what: field('q', Buffer.alloc(8)) }),
    'a double below the least integer': withHeaders({ double: fields.d(-1e300) }),
    'names that are not valid text': withProperties({ headers: table([[Buffer.from([0xff, 0xfe]), fields.I(1)]]) }),
    'names of objects': withHeaders(
      table(['__proto__', 'constructor', 'hasOwnProperty'].map((name) => [name, fields.V()])),
    ),
    '100,000 values': withHeaders({ list: fields.A(Array.from({ length: 100_000 }, () => fields.V())) }),
    '40,000 entries': withHeaders(table(Array.from({ length: 40_000 }, () => ['', fields.V()]))),
    'headers that fill their frame': withHeaders({ text: fields.S(Buffer.alloc(130_900, 'x')) }),
    'our own and the broker’s headers': withHeaders({
      'x-loghive-attempt': nested(100),
      'x-loghive-rounds': fields.l(2n ** 62n),
      'x-loghive-origin': fields.S(Buffer.alloc(5000, 0xff)),
      'x-delivery-count': fields.S('many'),
      'x-acquired-count': fields.I(-1),
      'x-death': fields.A([fields.F([])]),
      compression: fields.L(1),
    }),
    'a huge number of attempts': retried({ 'x-loghive-attempt': fields.l(2n ** 53n) }),
    'undefined flags': (name) => ({ properties: Buffer.from([0, 3]), body: line(name) }),
    'a content type that is not valid text': withProperties({ contentType: Buffer.from([2, 0xff, 0xfe]) }),
    'texts of 255 bytes': withProperties({
      correlationId: 'c'.repeat(255),
      replyTo: 'r'.repeat(255),
      messageId: Buffer.concat([Buffer.from([255]), Buffer.alloc(255, 0xff)]),
      type: 't'.repeat(255),
      appId: 'a'.repeat(255),
      clusterId: 'c',
    }),
    'numbers at their limits': withProperties({ deliveryMode: 255, priority: 255, timestamp: 2n ** 64n - 1n }),
    'an unknown encoding': withProperties({ contentType: JSON_TYPE, contentEncoding: 'x-unknown' }),
    'invalid gzip': withProperties({ contentType: JSON_TYPE, contentEncoding: 'gzip' }),
    'invalid zstd': withProperties({ contentType: JSON_TYPE, headers: { compression: fields.S('zstd') } }),
    'gzip of 256 MiB': (name) => ({
      properties: propertyBytes({ contentType: JSON_TYPE, contentEncoding: 'gzip' }),
      body: gzipSync(Buffer.concat([line(name), Buffer.alloc(256 * MIB, ' ')]), { level: 1 }),
    }),
    'three million lines': withBody(
      (name) => Buffer.concat([Buffer.alloc(6_000_000, '1\n'), Buffer.from(mark(name))]),
      FRAME_TYPE,
    ),
    'three million empty lines': withBody(
      (name) => Buffer.concat([Buffer.alloc(3_000_000, '\n'), Buffer.from(mark(name))]),
      FRAME_TYPE,
    ),
    '30 MiB of empty objects': withBody((name) => {
      const [head, tail] = line(name, { information: { list: ['LIST'] } })
        .toString()
        .split('"LIST"');
      return Buffer.concat([Buffer.from(head), Buffer.alloc(30 * MIB - 1, '{},'), Buffer.from(`{}${tail}`)]);
    }),
    'a list of 16.8 million numbers': withBody((name) => {
      const [head, tail] = line(name, { information: { list: ['LIST'] } })
        .toString()
        .split('"LIST"');
      return Buffer.concat([Buffer.from(`${head}0`), Buffer.alloc(33_600_000, ',0'), Buffer.from(tail)]);
    }),
    'more than 64 MiB': withBody((name) => Buffer.concat([line(name), Buffer.alloc(64 * MIB, ' ')])),
    'lists 100,000 deep': withBody((name) => {
      const [head, tail] = line(name, { information: { list: 'LIST' } })
        .toString()
        .split('"LIST"');
      return Buffer.from(`${head}${'['.repeat(100_000)}${']'.repeat(100_000)}${tail}`);
    }),
    'nothing but brackets': withBody((name) => Buffer.from(`${mark(name)}${'['.repeat(5 * MIB)}`)),
    'a record that PostgreSQL needs a minute for': withInformation({ sleep: true }),
    ...Object.fromEntries(SQLSTATES.map((code) => [`a record that raises ${code}`, withInformation({ raise: code })])),
    'retried, with a double below the least integer': retried({ double: fields.d(-1e300), least: fields.d(5e-324) }),
    'retried, with tables 2,000 deep': retried({ deep: nested(2000) }),
    'retried, with headers that fill their frame': retried({ text: fields.S(Buffer.alloc(130_900, 'x')) }),
    'retried, with L and names that are no text': retried(
      table([
        [Buffer.from([0xff]), fields.L(1)],
        ['a', fields.D(255, 1)],
      ]),
    ),
  });
}
