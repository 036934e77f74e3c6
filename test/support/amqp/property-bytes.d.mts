type Text = string | Uint8Array;
/** A field of a table: its type letter and its value. */
type FieldBytes = Buffer;

/** Values as on the wire, for the properties that are set; a Buffer is used unchanged. */
export interface GivenProperties {
  contentType?: Text;
  contentEncoding?: Text;
  /** A Buffer is a complete table including its length (see `table`). */
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
/** A table: its length and its entries. Names may repeat, and need not be valid text. */
export function table(entries: ReadonlyArray<readonly [name: Text, field: FieldBytes]>): Buffer;
/** Any type letter, followed by any bytes. */
export function field(letter: string, ...payload: Uint8Array[]): FieldBytes;
/** One function for each type letter. */
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
  /** In seconds. */
  T(value: number | bigint): FieldBytes;
  F(entries: ReadonlyArray<readonly [name: Text, field: FieldBytes]>): FieldBytes;
  V(): FieldBytes;
};
/** Nested tables (or, with 'A', arrays), the innermost empty. Six bytes for each table, five for each array. */
export function nested(depth: number, letter?: 'F' | 'A'): FieldBytes;
export function shortString(text: Text): Buffer;
export function longString(text: Text): Buffer;
