/** `loghive alerts preview`: shows which notices the stored errors would have caused. Sends nothing. */
import { redaction } from '../../src/fields/redact.js';
import { storedErrors } from '../store/alert-history.js';
import type { StoreSettings } from '../store-settings.js';
import { alertMessage } from './message.js';
import { type DigestNotice, type ErrorNotice, recordsOf } from './notice.js';
import { NEW_AFTER_MS } from './policy.js';
import type { AlertSettings } from './settings.js';
import { Simulation } from './simulation.js';

export interface PreviewedNotice {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly kind: 'error' | 'digest';
  readonly subject: string;
  /** Number of records that it reports. */
  readonly records: number;
  /** Number of kinds of errors that it reports. */
  readonly groups: number;
}

export interface Preview {
  readonly since: string;
  readonly notices: readonly PreviewedNotice[];
  /** ERROR and CRITICAL records stored since then, before the rules are applied. */
  readonly errors: number;
}

/**
 * Also reads the week before, to know which errors were new.
 *
 * @param sinceMs epoch milliseconds.
 * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
 */
export async function previewAlerts(
  settings: AlertSettings,
  store: StoreSettings,
  sinceMs: number,
  nowMs: number = Date.now(),
): Promise<Preview> {
  const simulation = new Simulation(settings.rules, settings);
  let errors = 0;
  for await (const page of storedErrors(store, sinceMs - NEW_AFTER_MS)) {
    for (const record of page) {
      simulation.add(record);
      if (Date.parse(record.timestamp) >= sinceMs) errors += 1;
    }
  }
  simulation.advance(nowMs);
  const hide = redaction(settings.redact);
  const notices = simulation.notices
    .filter(({ atMs }) => atMs >= sinceMs)
    .map(({ atMs, content }) => ({
      at: new Date(atMs).toISOString(),
      kind: content.kind,
      subject: alertMessage(content, hide).subject,
      ...sizeOf(content),
    }));
  return { since: new Date(sinceMs).toISOString(), notices, errors };
}

function sizeOf(content: ErrorNotice | DigestNotice): Pick<PreviewedNotice, 'records' | 'groups'> {
  if (content.kind === 'error') return { records: content.group.records, groups: 1 };
  const { groups, more } = content;
  return { records: recordsOf(groups) + more.records, groups: groups.length + more.groups };
}
