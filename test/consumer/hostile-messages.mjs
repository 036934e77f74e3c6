/**
 * Messages of up to 64 MiB that would need gigabytes if they were parsed naively: properties, body, and the expected
 * outcome, `[records, dead letters]`.
 */
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const MIB = 1024 * 1024;
const MESSAGE_BYTES = 64 * MIB;
const RECORD = { contentType: 'application/json' };
const FRAME = { contentType: 'application/x-ndjson', timestamp: 1_769_855_445 };
const START = '{"service":"shop","level":"INFO","timestamp":"2026-01-31T10:30:45.123456Z",';

/** A buffer filled with whole repetitions of the pattern. */
function filled(before, pattern, after, size = MESSAGE_BYTES) {
  const bytes = Buffer.from(pattern);
  const end = Buffer.from(after);
  const body = Buffer.alloc(size, before);
  const start = Buffer.byteLength(before);
  const stop = start + Math.floor((size - start - end.length) / bytes.length) * bytes.length;
  body.fill(bytes, start, stop);
  return body.subarray(0, stop + end.copy(body, stop));
}

/** A text of numbered parts. */
function numbered(before, partOf, after, count) {
  return Buffer.from(`${before}${Array.from({ length: count }, (_, n) => partOf(n.toString(36))).join('')}${after}`);
}

const inList = (value, size) => filled(`${START}"information":{"list":[`, `${value},`, `${value}]}}`, size);
const message = (before, pattern, size) => filled(`${START}"message":"${before}`, pattern, '"}', size);
const lines = (pattern, size) => Buffer.alloc(size ?? MESSAGE_BYTES, pattern);
const nested = (open, close, depth) =>
  Buffer.from(`${START}"information":{"deep":${open.repeat(depth)}1${close.repeat(depth)}}}`);

/** A record may contain at most 1,048,576 values. */
const MOST = MIB - 100;

export const hostileMessages = {
  'lines of a digit': [FRAME, () => lines('1\n'), [0, 100_001]],
  'lines of a bracket': [FRAME, () => lines('{\n'), [0, 100_001]],
  'lines that are not UTF-8': [FRAME, () => lines(Buffer.from([0xff, 0x0a])), [0, 100_001]],
  'blank lines': [FRAME, () => lines('\n'), [0, 1]],
  'lines of blanks': [FRAME, () => lines(' \t\r\n'), [0, 1]],
  'lines of short records': [FRAME, () => lines('{"service":"s","level":"i"}\n'), [100_000, 1]],
  'lines of records in two bytes a character': [
    FRAME,
    () => lines(`${START}"message":"😀\\n${'x'.repeat(570)}"}\n`.padEnd(680)),
    [98_400, 1],
  ],
  'empty objects': [RECORD, () => inList('{}', 30 * MIB), [0, 1]],
  'empty lists': [RECORD, () => inList('[]'), [0, 1]],
  numbers: [RECORD, () => inList('1'), [0, 1]],
  'NaN in great number': [RECORD, () => inList('NaN'), [0, 1]],
  'as many NaN as there may be': [RECORD, () => inList('NaN', 4 * MOST), [1, 0]],
  'short texts': [RECORD, () => inList('"abcdefghijk"'), [0, 1]],
  'as many objects with numbers for names as there may be': [RECORD, () => inList('{"30":1}', 3 * MOST), [1, 0]],
  'as many names as there may be': [
    RECORD,
    () => numbered(`${START}"information":{`, (n) => `"${n}":1,`, '"a":1}}', MOST / 2),
    [1, 0],
  ],
  'as many fields as there may be': [RECORD, () => numbered(START, (n) => `"${n}":1,`, '"a":1}', MOST / 2), [1, 0]],
  'lists within lists': [RECORD, () => nested('[', ']', 30 * MIB), [0, 1]],
  'lists within lists, as deep as there may be': [RECORD, () => nested('[', ']', MOST), [1, 0]],
  'objects within objects that never end': [RECORD, () => lines('{"":'), [0, 1]],
  'lists within lists that never end': [RECORD, () => lines('['), [0, 1]],
  'a list of empty objects, and nothing else': [RECORD, () => filled('[', '{},', '{}]'), [0, 1]],
  'a long text': [RECORD, () => message('', 'x'), [1, 0]],
  'a long text in two bytes a character': [RECORD, () => message('😀', 'x'), [0, 1]],
  'the longest text in two bytes a character': [RECORD, () => message('😀', '\\n', 32 * MIB), [1, 0]],
  'a long text that has two bytes a character by an escape': [RECORD, () => message('\\u20ac', 'x'), [0, 1]],
  'a long text of NUL': [RECORD, () => message('', '\\u0000', 32 * MIB), [1, 0]],
  'a long text of halves of characters': [RECORD, () => message('', '\\ud800', 32 * MIB), [1, 0]],
  'a long text of backslashes': [RECORD, () => message('', '\\\\'), [1, 0]],
  'a text that never ends': [RECORD, () => filled(`${START}"message":"`, '\\"', ''), [0, 1]],
  'a long level': [RECORD, () => filled('{"service":"a","level":"', 'X', '"}'), [0, 1]],
  'a long blank service': [RECORD, () => filled('{"level":"INFO","service":"', ' ', '"}'), [0, 1]],
  'a long time': [RECORD, () => filled('{"service":"a","level":"INFO","timestamp":"', '1', '"}'), [0, 1]],
  'a long name': [RECORD, () => filled(`${START}"`, 'k', '":1}'), [1, 0]],
  'a long name of escapes': [RECORD, () => filled(`${START}"`, '\\n', '":1}'), [1, 0]],
  'a long number': [RECORD, () => filled(`${START}"information":{"n":`, '1', '}}'), [1, 0]],
  'nothing but spaces': [RECORD, () => lines(' '), [0, 1]],
  'a body that is 256 MiB without its compression': [
    { ...FRAME, contentEncoding: 'gzip' },
    () => gzipSync(Buffer.alloc(256 * MIB), { level: 1 }),
    [0, 1],
  ],
  'the same by brotli': [
    { ...FRAME, contentEncoding: 'br' },
    () => brotliCompressSync(Buffer.alloc(256 * MIB), { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } }),
    [0, 1],
  ],
  'compressed lines of a digit': [
    { ...FRAME, headers: { compression: 'application/x-gzip' } },
    () => gzipSync(lines('1\n'), { level: 1 }),
    [0, 100_001],
  ],
  'a long text in UTF-16': [
    { contentType: 'application/json; charset=utf-16le' },
    () => Buffer.from(`${START}"message":"${'x'.repeat(31 * MIB)}"}`, 'utf16le'),
    [1, 0],
  ],
};
