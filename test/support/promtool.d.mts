/**
 * The program of this machine; else, as root on Debian, after installing prometheus (said on stderr;
 * LOGHIVE_TEST_INSTALL=0 forbids it). Throws with one line on what to install where that is not possible.
 */
export function requirePromtool(): string;

/** What `promtool check metrics` says of the text of a scrape. */
export function checkMetrics(text: string): { passed: boolean; said: string };
