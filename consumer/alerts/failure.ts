/** Why a notice was not accepted. Pure. */
import { LoghiveError } from '../../src/errors.js';

export type AlertFailure = LoghiveError & {
  /** Trying again soon is of no use: a login, a setting has to be corrected. */
  readonly needsPerson: boolean;
};

export function alertFailed(sentence: string, needsPerson: boolean, cause?: unknown): AlertFailure {
  return Object.assign(new LoghiveError('LOGHIVE_ALERT_FAILED', sentence, { cause }), { needsPerson });
}

export function isAlertFailure(error: unknown): error is AlertFailure {
  return error instanceof LoghiveError && error.code === 'LOGHIVE_ALERT_FAILED';
}
