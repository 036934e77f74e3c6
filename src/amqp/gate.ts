/**
 * Stops the reading of a connection. amqplib takes frames as fast as they come and offers no way to pause; where it is
 * told that there is no frame yet, Node's buffer of the socket fills, then the kernel's, and TCP makes the broker wait.
 */
import type { EventEmitter } from 'node:events';

export interface Gate {
  readonly isShut: boolean;
  shut(): void;
  open(): void;
}

export function createGate(connection: { recvFrame(): unknown; readonly stream: EventEmitter }): Gate {
  const nextFrame = connection.recvFrame.bind(connection);
  let isShut = false;
  connection.recvFrame = () => (isShut ? null : nextFrame());
  return {
    get isShut() {
      return isShut;
    },
    shut() {
      isShut = true;
    },
    open() {
      if (!isShut) return;
      isShut = false;
      // Not in the caller's stack: it may be amidst what a frame made it do. amqplib reads whatever there is on this event.
      setImmediate(() => connection.stream.emit('readable'));
    },
  };
}
