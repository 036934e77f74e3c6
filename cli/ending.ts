/** When a command has to end: by a signal, or because a part of it has ended by itself. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Ending {
  /** Aborts at the first request. */
  readonly asked: AbortSignal;
  /** Aborts at the second: nothing is waited for any more. */
  readonly hurried: AbortSignal;
  /** Why, where it was not asked for by a person. */
  readonly fault: unknown;
  /** Resolves at the first request. */
  readonly requested: Promise<void>;
  request(fault?: unknown): void;
}

/** Listens to signals until the process ends. */
export function createEnding(onSignal: (signal: NodeJS.Signals, again: boolean) => void): Ending {
  const asked = new AbortController();
  const hurried = new AbortController();
  let fault: unknown;
  const requested = new Promise<void>((resolve) => {
    asked.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      onSignal(signal, asked.signal.aborted);
      if (asked.signal.aborted) hurried.abort();
      else asked.abort();
    });
  }
  return {
    asked: asked.signal,
    hurried: hurried.signal,
    requested,
    get fault() {
      return fault;
    },
    request(reason) {
      fault ??= reason;
      asked.abort();
    },
  };
}
