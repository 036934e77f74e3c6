/**
 * Notifies systemd of readiness, liveness and shutdown (`Type=notify`, `WatchdogSec=`) through `systemd-notify`,
 * because Node cannot write to a Unix datagram socket. The unit needs `NotifyAccess=all`
 * (https://www.freedesktop.org/software/systemd/man/latest/systemd-notify.html). Does nothing outside systemd.
 */
import { execFile } from 'node:child_process';
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';

/** systemd-notify waits until systemd has processed the message. */
const NOTIFY_TIMEOUT_MS = 5000;

export interface ServiceManager {
  ready(): void;
  stopping(): void;
}

export interface ServiceManagerSettings {
  /** Environment variable NOTIFY_SOCKET, set by systemd. */
  readonly socket: string | undefined;
  /** Environment variable WATCHDOG_USEC: the watchdog timeout, in microseconds. */
  readonly watchdogUs: string | undefined;
}

/** @param isAlive returns whether the service works; if not, the watchdog is not notified. */
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
        `cannot notify systemd, because systemd-notify failed: ${reasonOf(error)}. Install it, or set Type=exec in the unit.`,
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
