/** Names that the broker gives: like RabbitMQ's, 16 random bytes. */
import { randomBytes } from 'node:crypto';

export function generatedName(prefix: 'amq.gen' | 'amq.ctag'): string {
  return `${prefix}-${randomBytes(16).toString('base64url')}`;
}

/** RabbitMQ takes line ends out of the names of queues and exchanges. */
export function withoutLineEnds(name: string): string {
  return /[\r\n]/.test(name) ? name.replace(/[\r\n]/g, '') : name;
}
