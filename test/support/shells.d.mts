/**
 * The installed shell; otherwise, as root on Debian, installs it (reported on stderr; LOGHIVE_TEST_INSTALL=0 disables
 * it). Throws with one line on what to install if that is not possible.
 */
export function requireShell(name: 'bash' | 'zsh' | 'fish'): string;
