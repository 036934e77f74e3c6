/** Which kinds of frames may come where. */
import { frameError, unexpectedFrame } from '../amqp-error.js';
import { BODY_FRAME, HEARTBEAT_FRAME, METHOD_FRAME, snippet } from '../wire/frame-reader.js';

/** @throws AmqpError 501 for a frame of no known kind, 505 for a heartbeat, which is the connection's business */
export function assertChannelFrame(type: number, payload: Buffer): void {
  if (type === HEARTBEAT_FRAME && payload.length === 0) throw unexpectedFrame(`type ${type}, ${snippet(payload)}`);
  if (type < METHOD_FRAME || type > BODY_FRAME) throw frameError(`type ${type}, ${snippet(payload)}: unknown_frame`);
}

/** @throws AmqpError 501 for a frame of no known kind, 505 for any but a method of the connection itself */
export function assertConnectionMethod(type: number, channel: number, payload: Buffer): void {
  assertChannelFrame(type, payload);
  if (channel > 0 || type !== METHOD_FRAME) throw unexpectedFrame(`type ${type}, ${snippet(payload)}`);
}
