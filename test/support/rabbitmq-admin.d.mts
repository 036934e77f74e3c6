import type { RabbitmqAdmin, RabbitmqDescription } from './rabbitmq.mjs';

/** Administers a node that another process has started. */
export function administer(
  node: Pick<RabbitmqDescription, 'url' | 'controlHost' | 'controlPort' | 'controlSecret'>,
): RabbitmqAdmin;
