/** Shutdown requests: signals, or a part of the command that has failed. */

export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/**
 * One Ctrl-C may arrive twice: the terminal sends it to the whole process group, and a parent such as `timeout` or npx
 * forwards it. A second signal within this time of the first is ignored, in milliseconds.
 */
const ECHO_MS = 300;

export interface ShutdownSignals {
  /** Aborts at the first request: shut down gracefully. */
  readonly requested: AbortSignal;
  /** Aborts at the second signal: stop without waiting. */
  readonly forced: AbortSignal;
  /** The error that caused the shutdown, if it was not a signal. */
  readonly fault: unknown;
  /** Resolves at the first request. */
  readonly whenRequested: Promise<void>;
  request(fault?: unknown): void;
}

/** Calls the listener for each signal except such duplicates, until the process exits. */
export function onSignals(signals: readonly NodeJS.Signals[], listener: (signal: NodeJS.Signals) => void): void {
  let firstMs: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      if (firstMs !== undefined && performance.now() - firstMs < ECHO_MS) return;
      firstMs ??= performance.now();
      listener(signal);
    });
  }
}

/** Listens for signals until the process exits. */
export function listenForShutdown(onSignal: (signal: NodeJS.Signals, again: boolean) => void): ShutdownSignals {
  const requested = new AbortController();
  const forced = new AbortController();
  let fault: unknown;
  const whenRequested = new Promise<void>((resolve) => {
    requested.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  onSignals(SIGNALS, (signal) => {
    onSignal(signal, requested.signal.aborted);
    if (requested.signal.aborted) forced.abort();
    else requested.abort();
  });
  return {
    requested: requested.signal,
    forced: forced.signal,
    whenRequested,
    get fault() {
      return fault;
    },
    request(reason) {
      fault ??= reason;
      requested.abort();
    },
  };
}
