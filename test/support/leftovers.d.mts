export interface Leftovers {
  /** Process id and command line of each. */
  processes: string[];
  /** Names in the temporary folder. */
  files: string[];
}

/**
 * Gives this process, and all that it starts from now on, a temporary folder of their own, which is removed when it
 * exits. `count()` waits up to five seconds for processes that are ending.
 */
export function watchLeftovers(): { count(): Promise<Leftovers> };

/** 'left behind: 0 processes, 0 files'. */
export function leftoversSentence(left: Leftovers): string;

/** What is wrong with what is left, one line each; none if nothing is. */
export function leftoverFaults(left: Leftovers): string[];
