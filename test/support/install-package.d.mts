/** Why this machine's package manager cannot install a server; undefined if it can. */
export function whyNotInstall(env?: Record<string, string | undefined>): string | undefined;
/** Installs the package by apt-get, without starting its service. Throws if that fails. */
export function installPackage(name: string): void;
