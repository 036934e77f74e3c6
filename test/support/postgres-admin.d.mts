import type { PostgresAdmin } from './postgres.mjs';

/** The administration of a server that another process has started. */
export function administer(server: { url: string }): PostgresAdmin;
