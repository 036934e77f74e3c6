/** Encodes and decodes methods according to the method table. */
import { frameError, notImplemented } from '../amqp-error.js';
import { ByteReader, Malformed } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { type FieldTable, readTable, writeTable } from './field-table.js';
import { METHOD_FRAME, snippet } from './frame-reader.js';
import { type FieldsOf, METHODS, type Method, type MethodName, shapeOf } from './method-table.js';
import { isReadable } from './wire-text.js';

/** Longer than any reply text. */
const SHOWN_BYTES = 255;

/**
 * @param payload of a method frame.
 * @throws AmqpError 501 if it is not a valid method; 540 if the method is not supported.
 */
export function decodeMethod(payload: Buffer): Method {
  if (payload.length < 4) throw frameError(`type ${METHOD_FRAME}, ${snippet(payload)}: unknown_frame`);
  const id = payload.readUInt32BE(0);
  const shape = shapeOf(id);
  if (shape === undefined) {
    throw notImplemented(`the development broker does not support method ${id & 0xffff} of class ${id >>> 16}`);
  }
  try {
    const reader = new ByteReader(payload, 4);
    const method: Record<string, unknown> = { name: shape.name };
    let bits = 0;
    let nextBit = 8;
    for (const [name, kind] of shape.fields) {
      if (kind === 'bit') {
        if (nextBit > 7) {
          bits = reader.octet();
          nextBit = 0;
        }
        method[name] = ((bits >> nextBit++) & 1) === 1;
        continue;
      }
      nextBit = 8;
      const value = kind === 'table' ? readTable(reader) : reader[kind]();
      if (kind === 'shortString' && !isReadable(value as string)) throw frameError('Malformed UTF-8 in shortstr');
      method[name] = value;
    }
    if (reader.left > 0) reader.refuse('it is longer than its fields');
    return method as unknown as Method;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const undecodable = frameError(`cannot decode <<${payload.subarray(4, 4 + SHOWN_BYTES).join()}>>`);
    undecodable.at = shape;
    throw undecodable;
  }
}

/** Writes the payload of a method frame. */
export function encodeMethod<Name extends MethodName>(writer: ByteWriter, name: Name, values: FieldsOf<Name>): void {
  const shape = METHODS[name];
  writer.long(shape.id);
  let bits = 0;
  let bitsUsed = 0;
  for (const [field, kind] of shape.fields) {
    const value = (values as Record<string, unknown>)[field];
    if (kind === 'bit') {
      if (value) bits |= 1 << bitsUsed;
      bitsUsed++;
      continue;
    }
    if (bitsUsed > 0) {
      writer.octet(bits);
      bits = 0;
      bitsUsed = 0;
    }
    if (kind === 'table') writeTable(writer, value as FieldTable);
    else if (kind === 'shortString' || kind === 'longString') writer[kind](value as string);
    else writer[kind](value as number);
  }
  if (bitsUsed > 0) writer.octet(bits);
}
