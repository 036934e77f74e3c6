/** nobody where this process is root, whom PostgreSQL refuses; else undefined: the server runs as this user. */
export function serverUser(): { uid: number; gid: number } | undefined;
/** The folder of initdb and postgres, complete and reachable for the server's user (a copy if need be). */
export function postgresBinaries(binDir?: string): Promise<string>;
/** A folder for temporary data that the server's user can enter. */
export function reachableTemporaryFolder(): string;
