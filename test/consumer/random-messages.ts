/**
 * Messages that anyone who can publish could send, generated from a seed: properties, headers of every type, content
 * types and encodings, bodies. Each body contains its tag, so that it can be found among the records and the dead
 * letters.
 */
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { field, fields, nested, propertyBytes, shortString, table } from '../support/amqp/property-bytes.mjs';

export interface HostileMessage {
  readonly properties: Buffer;
  readonly body: Buffer;
  /** The broker may refuse it and close the channel or the connection. */
  readonly risky: boolean;
}

/** Numbers in [0, 1). */
type Random = () => number;

const DEEPEST = 3000;
const LARGEST_HEADERS = 100_000;
const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
/** Names with a meaning for the parser, the broker or JavaScript. */
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'compression',
  'content-type',
  'x-death',
  'x-delivery-count',
  'x-acquired-count',
  'x-first-death-queue',
  'x-loghive-attempt',
  'x-loghive-origin',
  'x-loghive-rounds',
];
const CONTENT_TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/x-ndjson; charset=utf-8',
  'APPLICATION/JSON',
  ' application/json ;charset=utf-16',
  'application/data',
  'text/plain',
  '',
];
const ENCODINGS = ['gzip', 'deflate', 'zstd', 'bzip2', 'br', 'utf-8', 'GZIP', 'identity', 'gzip, gzip', ''];
/** Tokens of JSON and similar ones. */
const VALUES = [
  'NaN',
  'Infinity',
  '-Infinity',
  '1e400',
  '-0',
  '01',
  '1e200000',
  'null',
  'true',
  'undefined',
  '"\\u0000"',
  '"\\ud800"',
  '{}',
  '[]',
  "'single'",
  '"\\x41"',
  '1700000000000',
  '"2026-02-30T00:00:00Z"',
  '"9999-12-31T23:59:60.999999+14:00"',
  '"2026-01-31 10:30:45"',
];

/** @param services named in the records */
export function hostileMessages(random: Random, services: readonly string[]) {
  const below = (limit: number) => Math.floor(random() * limit);
  const chance = (share: number) => random() < share;
  const oneOf = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const bytes = (length: number) => {
    const made = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) made[at] = below(256);
    return made;
  };
  let risky = false;
  /** The broker may refuse it. */
  const atRisk = <Value>(value: Value): Value => {
    risky = true;
    return value;
  };

  function record(tag: string): Buffer {
    const each: Record<string, string> = {
      id: chance(0.7) ? `"${uuid()}"` : oneOf(VALUES),
      service: `"${oneOf(services)}"`,
      level: `"${oneOf(LEVELS)}"`,
      message: `"${tag} was logged"`,
      information: `{"ref":"${tag}","n":${below(1e6)}}`,
      timestamp: `"${new Date(1.7e12 + below(1e10)).toISOString()}"`,
    };
    for (const name of Object.keys(each)) if (name !== 'message' && chance(0.08)) each[name] = oneOf(VALUES);
    if (chance(0.1)) each.timestamp = String(Date.now());
    if (chance(0.02)) each.extra = JSON.stringify('x'.repeat(below(chance(0.02) ? 2_000_000 : 20_000)));
    if (chance(0.01)) each.deep = `${'['.repeat(below(DEEPEST))}${']'.repeat(below(DEEPEST))}`;
    if (chance(0.02)) each.number = '9'.repeat(1 + below(5000));
    const left = Object.entries(each).filter(([name]) => name === 'message' || !chance(0.04));
    return Buffer.from(`{${left.map(([name, value]) => `"${name}":${value}`).join()}}`);
  }

  function uuid(): string {
    const hex = bytes(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** Some bytes changed, inserted, omitted or repeated; never within the tag. */
  function mutated(body: Buffer, tag: string): Buffer {
    let [before, after] = parts(body, tag);
    for (let changes = 1 + below(4); changes > 0; changes -= 1) {
      if (chance(0.5)) before = mutatedPart(before);
      else after = mutatedPart(after);
    }
    return Buffer.concat([before, Buffer.from(tag), after]);
  }

  function mutatedPart(part: Buffer): Buffer {
    const at = below(part.length + 1);
    const end = at + below(20);
    const pieces = {
      changed: () => [part.subarray(0, at), bytes(1), part.subarray(at + 1)],
      inserted: () => [part.subarray(0, at), bytes(1 + below(4)), part.subarray(at)],
      removed: () => [part.subarray(0, at), part.subarray(end)],
      repeated: () => [part.subarray(0, end), part.subarray(at)],
      cut: () => [part.subarray(0, at)],
      quoted: () => [
        part.subarray(0, at),
        Buffer.from(oneOf(['"', '\\', '\n', '\r\n', '}', '[', '\ufeff', '\0'])),
        part.subarray(at),
      ],
    };
    return Buffer.concat(oneOf(Object.values(pieces))());
  }

  function parts(body: Buffer, tag: string): [Buffer, Buffer] {
    const at = body.indexOf(tag);
    return [body.subarray(0, at), body.subarray(at + tag.length)];
  }

  function frame(tag: string): Buffer {
    const lines = Array.from({ length: 1 + below(6) }, () => (chance(0.7) ? record(tag) : mutated(record(tag), tag)));
    const separated = lines.flatMap((line) => [
      line,
      Buffer.from(oneOf(['\n', '\n', '\n', '\r\n', '\n\n', '\n \n', ''])),
    ]);
    return Buffer.concat(separated);
  }

  function body(tag: string): Buffer {
    const marked = Buffer.from(tag);
    const kinds: Array<readonly [share: number, make: () => Buffer]> = [
      [0.25, () => record(tag)],
      [0.3, () => mutated(record(tag), tag)],
      [0.15, () => frame(tag)],
      [0.08, () => mutated(frame(tag), tag)],
      [0.04, () => Buffer.concat([Buffer.from('\ufeff'), record(tag)])],
      [0.05, () => Buffer.concat([bytes(below(200)), marked, bytes(below(200))])],
      [0.02, () => Buffer.concat([marked, Buffer.from('[{"'.charAt(below(3)).repeat(below(20_000)))])],
      [
        0.02,
        () =>
          Buffer.concat([Buffer.alloc(below(chance(0.02) ? 400_000 : 400), oneOf(['\n', '1\n', '{}\n', ' '])), marked]),
      ],
      [0.02, () => Buffer.from(JSON.stringify([record(tag).toString('latin1')]))],
      [0.02, () => Buffer.from(record(tag).toString('utf8'), 'utf16le')],
      [0.01, () => Buffer.alloc(0)],
    ];
    let left = random();
    for (const [share, make] of kinds) {
      left -= share;
      if (left <= 0) return make();
    }
    return record(tag);
  }

  /** Encoded as declared, or not. */
  function encoded(plain: Buffer, encoding: string | undefined): Buffer {
    // An empty body, compressed, could not be found again.
    if (encoding === undefined || plain.length === 0 || chance(0.3)) return plain;
    const name = encoding.toLowerCase();
    if (name.startsWith('gzip')) return chance(0.8) ? gzipSync(plain, { level: 1 }) : gzipSync(plain).subarray(0, -9);
    if (name === 'deflate') return chance(0.5) ? deflateSync(plain) : deflateRawSync(plain);
    return plain;
  }

  function name(): string | Buffer {
    if (chance(0.3)) return oneOf(NAMES);
    return chance(0.5) ? `header-${below(50)}` : bytes(oneOf([0, 1, 3, 20, 128, 255]));
  }

  function value(depth: number): Buffer {
    const integer = () => below(2 ** 31) - 2 ** 30;
    const scalars: Array<() => Buffer> = [
      () => fields.b(below(256) - 128),
      () => fields.B(below(256)),
      () => fields.s(below(65_536) - 32_768),
      () => fields.u(below(65_536)),
      () => fields.I(integer()),
      () => fields.i(below(2 ** 32)),
      () => fields.l(BigInt(integer()) * 4_000_000_000n),
      () => fields.L(BigInt(integer()) * 4_000_000_000n),
      () => fields.f(oneOf([0.5, -0, 1e-40, 3e38])),
      () => fields.d(oneOf([1.1, -0, 5e-324, -1e300, 2 ** 63, 1e308, -(2 ** 63) - 4096])),
      () => fields.D(below(256), below(2 ** 32)),
      () => field('t', bytes(1)),
      () => fields.S(oneOf([bytes(below(40)), 'gzip', 'text', 'x'.repeat(below(3000))])),
      () => fields.x(bytes(below(40))),
      () => fields.T(BigInt(below(2 ** 31)) * BigInt(1 + below(2 ** 31))),
      () => fields.V(),
    ];
    if (depth < 5 && chance(0.2)) return fields.F(Array.from({ length: below(6) }, () => [name(), value(depth + 1)]));
    if (depth < 5 && chance(0.2)) return fields.A(Array.from({ length: below(6) }, () => value(depth + 1)));
    if (chance(0.001)) return atRisk(fields.d(oneOf([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])));
    if (chance(0.001)) return atRisk(field(String.fromCharCode(below(256)), bytes(below(12))));
    return oneOf(scalars)();
  }

  function headers(): Buffer {
    if (chance(0.001)) return table([[name(), nested(1 + below(DEEPEST), oneOf(['F', 'A'] as const))]]);
    if (chance(0.002))
      return table(Array.from({ length: below(LARGEST_HEADERS / 8) }, () => ['', fields.V()] as const));
    if (chance(0.002)) return table([[name(), fields.S(Buffer.alloc(below(LARGEST_HEADERS), 'x'))]]);
    return table(Array.from({ length: below(6) }, () => [name(), value(0)] as const));
  }

  /** A text, or arbitrary bytes. */
  const text = () => (chance(0.7) ? oneOf(['a', '', 'text', 'x'.repeat(255)]) : shortString(bytes(below(256))));
  const sometimes = <Value>(share: number, make: () => Value) => (chance(share) ? make() : undefined);

  function properties(encoding: string | undefined): Buffer {
    const given = {
      contentType: sometimes(0.8, () => (chance(0.9) ? oneOf(CONTENT_TYPES) : text())),
      contentEncoding: encoding,
      headers: sometimes(0.6, headers),
      deliveryMode: chance(0.002) ? atRisk(below(256)) : 1 + below(2),
      priority: sometimes(0.2, () => below(256)),
      correlationId: sometimes(0.1, text),
      replyTo: sometimes(0.1, text),
      expiration: chance(0.001) ? atRisk(text()) : sometimes(0.05, () => '86400000'),
      messageId: sometimes(0.2, text),
      timestamp: sometimes(0.5, () => oneOf([1_700_000_000, Date.now(), 0, 2n ** 64n - 1n])),
      type: sometimes(0.1, text),
      userId: chance(0.001) ? atRisk('somebody') : sometimes(0.05, () => 'guest'),
      appId: sometimes(0.1, text),
      clusterId: sometimes(0.1, text),
    };
    const set = Object.fromEntries(Object.entries(given).filter(([, each]) => each !== undefined));
    const whole = propertyBytes(set);
    if (chance(0.01)) whole[1] = (whole[1] ?? 0) | below(4);
    if (!chance(0.004)) return whole;
    const at = below(whole.length + 1);
    return atRisk(Buffer.concat([whole.subarray(0, at), bytes(1 + below(3)), whole.subarray(at + below(4))]));
  }

  return (tag: string): HostileMessage => {
    risky = false;
    const encoding = sometimes(0.15, () => oneOf(ENCODINGS));
    const made = properties(encoding);
    return { properties: made, body: encoded(body(tag), encoding), risky };
  };
}
