/**
 * The installed program; otherwise, as root on Debian, installs prometheus (reported on stderr; LOGHIVE_TEST_INSTALL=0
 * disables it). Throws with one line on what to install if that is not possible.
 */
export function requirePromtool(): string;

/** The result of `promtool check metrics` for the text of a scrape. */
export function checkMetrics(text: string): { passed: boolean; output: string };
