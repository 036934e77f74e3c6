import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

/** Majors and minors that `requireRabbitmqOf` knows, the oldest first. */
export const RABBITMQ_VERSIONS: readonly string[];

/**
 * Starts a private node of RabbitMQ '3.10', '4.0' or '4.3': the machine's own where that is installed, else Debian's
 * packages, fetched once into the user's cache (nothing is installed, nobody has to be root), else a container. The rest
 * is as with startRabbitmq().
 */
export function requireRabbitmqOf(version: string, options?: RabbitmqOptions): Promise<RabbitmqServer>;
