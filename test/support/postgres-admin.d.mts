import type { PostgresAdmin } from './postgres.mjs';

/** Administers a server that another process has started. */
export function administer(server: { url: string }): PostgresAdmin;
