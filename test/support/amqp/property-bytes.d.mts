type Text = string | Uint8Array;
/** A field of a table: its type letter and its value. */
type FieldBytes = Buffer;

/** Values as they are on the wire, for the properties that are set; a Buffer is put there as it is. */
export interface GivenProperties {
  contentType?: Text;
  contentEncoding?: Text;
  /** A Buffer is a whole table, its length included (see `table`). */
  headers?: Record<string, FieldBytes> | Buffer;
  deliveryMode?: number | Buffer;
  priority?: number | Buffer;
  correlationId?: Text;
  replyTo?: Text;
  expiration?: Text;
  messageId?: Text;
  timestamp?: number | bigint | Buffer;
  type?: Text;
  userId?: Text;
  appId?: Text;
  clusterId?: Text;
}

/** Flags and values, as in a content header. */
export function propertyBytes(given: GivenProperties): Buffer;
/** The length and the entries: names may come twice, and need not be text. */
export function table(entries: ReadonlyArray<readonly [name: Text, field: FieldBytes]>): Buffer;
/** Any letter, with any bytes after it. */
export function field(letter: string, ...payload: Uint8Array[]): FieldBytes;
/** One function a letter, with the values that it takes. */
export const fields: {
  /** Eight bits, signed. */
  b(value: number): FieldBytes;
  B(value: number): FieldBytes;
  s(value: number): FieldBytes;
  u(value: number): FieldBytes;
  I(value: number): FieldBytes;
  i(value: number): FieldBytes;
  l(value: number | bigint): FieldBytes;
  L(value: number | bigint): FieldBytes;
  f(value: number): FieldBytes;
  d(value: number): FieldBytes;
  D(scale: number, unscaled: number): FieldBytes;
  t(value: boolean): FieldBytes;
  S(value: Text): FieldBytes;
  x(value: Text): FieldBytes;
  A(values: readonly FieldBytes[]): FieldBytes;
  /** Seconds. */
  T(value: number | bigint): FieldBytes;
  F(entries: ReadonlyArray<readonly [name: Text, field: FieldBytes]>): FieldBytes;
  V(): FieldBytes;
};
/** Tables (or, with 'A', arrays), one in the other, the last one empty. Six bytes a table, five an array. */
export function nested(depth: number, letter?: 'F' | 'A'): FieldBytes;
export function shortString(text: Text): Buffer;
export function longString(text: Text): Buffer;
