import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

/** Versions (major and minor) supported by `requireRabbitmqOf`, oldest first. */
export const RABBITMQ_VERSIONS: readonly string[];

/**
 * Starts a private node of RabbitMQ '3.10', '4.0' or '4.3': the installed one if it has that version, otherwise
 * Debian's packages, downloaded once into the user's cache (without installation or root), otherwise a container.
 * Everything else is as in startRabbitmq().
 */
export function requireRabbitmqOf(version: string, options?: RabbitmqOptions): Promise<RabbitmqServer>;
