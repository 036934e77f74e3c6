/** Why this machine's package manager cannot be asked for a server; undefined if it can. */
export function whyNotInstall(env?: Record<string, string | undefined>): string | undefined;
/** apt-get update and install of that package, without starting its service; throws with what failed. */
export function installPackage(name: string): void;
