/** The broker, as one of its connections sees it. */
import type { Vhost } from '../queues/vhost.js';
import type { FieldTable } from '../wire/field-table.js';
import type { Limits } from './handshake.js';

export interface ConnectionHost {
  readonly properties: FieldTable;
  readonly limits: Limits;
  readonly handshakeMs: number;
  readonly maxMessageBytes: number;
  isUser(user: string, password: string): boolean;
  findVhost(name: string): Vhost | undefined;
  /** Why nobody may publish now; undefined: everybody may. */
  blockedBecause(): string | undefined;
}
