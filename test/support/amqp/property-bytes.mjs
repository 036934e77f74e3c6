/**
 * Encodes message properties at the byte level, including invalid ones that no client library would write. See
 * property-bytes.d.mts.
 */

/** In wire order, with the encoding of each value. */
const PROPERTIES = [
  ['contentType', shortString],
  ['contentEncoding', shortString],
  ['headers', asTable],
  ['deliveryMode', octet],
  ['priority', octet],
  ['correlationId', shortString],
  ['replyTo', shortString],
  ['expiration', shortString],
  ['messageId', shortString],
  ['timestamp', longLong],
  ['type', shortString],
  ['userId', shortString],
  ['appId', shortString],
  ['clusterId', shortString],
];

export function propertyBytes(given) {
  let flags = 0;
  const values = [];
  for (const [index, [name, write]] of PROPERTIES.entries()) {
    const value = given[name];
    if (value === undefined) continue;
    flags |= 0x8000 >> index;
    values.push(Buffer.isBuffer(value) ? value : write(value));
  }
  return Buffer.concat([number(2, flags), ...values]);
}

function asTable(headers) {
  return table(Object.entries(headers));
}

/** A table: its length and its [name, field] entries. */
export function table(entries) {
  const inner = Buffer.concat(entries.flatMap(([name, value]) => [shortString(name), value]));
  return Buffer.concat([number(4, inner.length), inner]);
}

export function field(letter, ...payload) {
  return Buffer.concat([Buffer.from(letter, 'latin1'), ...payload]);
}

export const fields = {
  b: (value) => field('b', signed(1, value)),
  B: (value) => field('B', number(1, value)),
  s: (value) => field('s', signed(2, value)),
  u: (value) => field('u', number(2, value)),
  I: (value) => field('I', signed(4, value)),
  i: (value) => field('i', number(4, value)),
  l: (value) => field('l', longLong(value)),
  L: (value) => field('L', longLong(value)),
  f: (value) => field('f', float(value)),
  d: (value) => field('d', double(value)),
  D: (scale, unscaled) => field('D', octet(scale), number(4, unscaled)),
  t: (value) => field('t', octet(value ? 1 : 0)),
  S: (value) => field('S', longString(value)),
  x: (value) => field('x', longString(value)),
  A: (values) => {
    const inner = Buffer.concat(values);
    return field('A', number(4, inner.length), inner);
  },
  T: (value) => field('T', longLong(value)),
  F: (entries) => field('F', table(entries)),
  V: () => field('V'),
};

/**
 * A field with nested tables (or, with 'A', arrays). Written in one pass, because concatenating the levels would be too
 * slow.
 */
export function nested(depth, letter = 'F') {
  const head = letter === 'F' ? 6 : 5;
  const bytes = Buffer.alloc(1 + 4 + (depth - 1) * head);
  let at = bytes.write(letter, 0, 'latin1');
  for (let left = depth - 1; left >= 0; left--) {
    at = bytes.writeUInt32BE(left * head, at);
    // In a table, an empty name comes first.
    if (left > 0) at = bytes.write(letter === 'F' ? '\0F' : 'A', at, 'latin1') + at;
  }
  return bytes;
}

export function shortString(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([octet(bytes.length), bytes]);
}

export function longString(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([number(4, bytes.length), bytes]);
}

function octet(value) {
  return number(1, value);
}

function number(size, value) {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

function signed(size, value) {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(value, 0, size);
  return bytes;
}

function longLong(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
}

function float(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes;
}

function double(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}
