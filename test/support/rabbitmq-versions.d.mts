import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

/** Majors and minors that `requireRabbitmqOf` knows. */
export const RABBITMQ_VERSIONS: readonly string[];

/**
 * Starts a private node of RabbitMQ '4.0' or '4.3', whatever is installed: of Debian's packages, fetched once into the
 * user's cache (nothing is installed, nobody has to be root), else of a container. The rest is as with startRabbitmq().
 */
export function requireRabbitmqOf(version: string, options?: RabbitmqOptions): Promise<RabbitmqServer>;
