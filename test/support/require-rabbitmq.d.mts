import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

/**
 * A private RabbitMQ node from the installed server; else in a container, where a Docker engine answers; else, as root
 * on Debian, after installing rabbitmq-server (said on stderr; LOGHIVE_TEST_INSTALL=0 forbids it). Rejects with one
 * line on what to install where none of these is possible: a missing server never turns into skipped tests.
 */
export function requireRabbitmq(options?: RabbitmqOptions): Promise<RabbitmqServer>;
