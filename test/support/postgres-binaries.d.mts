/**
 * The user `nobody` if this process runs as root, which PostgreSQL refuses; otherwise undefined: the server runs as
 * this user.
 */
export function serverUser(): { uid: number; gid: number } | undefined;
/** The folder with initdb and postgres, complete and accessible to the server's user (copied if necessary). */
export function postgresBinaries(binDir?: string): Promise<string>;
/** A folder for temporary data that the server's user can access. */
export function reachableTemporaryFolder(): string;
