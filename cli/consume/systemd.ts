/**
 * Tells systemd that the service is ready, that it lives and that it stops (`Type=notify`, `WatchdogSec=`), by the program
 * `systemd-notify`: Node cannot write to a datagram socket of the file system. The unit needs `NotifyAccess=all` for it
 * (https://www.freedesktop.org/software/systemd/man/latest/systemd-notify.html). Elsewhere it does nothing.
 */
import { execFile } from 'node:child_process';
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';

/** It waits until systemd has read what it was told. */
const NOTIFY_TIMEOUT_MS = 5000;

export interface ServiceManager {
  ready(): void;
  stopping(): void;
}

export interface ServiceManagerSettings {
  /** Environment variable NOTIFY_SOCKET, which systemd sets. */
  readonly socket: string | undefined;
  /** Environment variable WATCHDOG_USEC: how long it may be silent, in microseconds. */
  readonly watchdogUs: string | undefined;
}

/** @param isAlive whether it works; a watchdog is not fed while it does not. */
export function serviceManager(
  { socket, watchdogUs }: ServiceManagerSettings,
  isAlive: () => boolean,
  program = 'systemd-notify',
): ServiceManager {
  if (!socket) return { ready() {}, stopping() {} };
  let hasFailed = false;
  function notify(...words: string[]): void {
    execFile(program, words, { timeout: NOTIFY_TIMEOUT_MS }, (error) => {
      if (!error || hasFailed) return;
      hasFailed = true;
      internalLogger.warning(
        `systemd is not told how the service does, because systemd-notify failed: ${reasonOf(error)}. Install it, or set Type=exec in the unit.`,
      );
    });
  }
  const periodMs = Number(watchdogUs) / 2000;
  const timer = periodMs > 0 ? setInterval(() => isAlive() && notify('WATCHDOG=1'), periodMs).unref() : undefined;
  return {
    ready: () => notify('--ready'),
    stopping() {
      clearInterval(timer);
      notify('--stopping');
    },
  };
}
