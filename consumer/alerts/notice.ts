/**
 * Notices, and the channels that send them. Notices are stored unredacted until they are sent; redaction happens when
 * they are sent.
 */
import { LoghiveError } from '../../src/errors.js';
import type { JsonObject } from '../../src/value/json-value.js';
import type { AlertEvent, Example } from './event.js';

/** Errors of one shape, service and level. */
export type GroupSummary = Omit<AlertEvent, 'example'> & { readonly isNew: boolean };

export interface ErrorNotice {
  readonly kind: 'error';
  readonly group: GroupSummary;
  readonly example: Example;
}

export interface DigestNotice {
  readonly kind: 'digest';
  /** The most important ones. */
  readonly groups: readonly GroupSummary[];
  /** Counts of what is not listed. */
  readonly more: { readonly groups: number; readonly records: number };
}

/** About Loghive itself. */
export interface ConditionNotice {
  /** `recovered`: the problem is resolved. */
  readonly kind: 'condition' | 'recovered';
  readonly key: string;
  readonly sentence: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** End of a resolved problem. */
  readonly until?: string;
}

/** `loghive alerts test`. */
export interface TestNotice {
  readonly kind: 'test';
  readonly host: string;
}

export type NoticeContent = ErrorNotice | DigestNotice | ConditionNotice | TestNotice;

export interface Notice {
  /** UUIDv7; the same for every attempt to send it. */
  readonly id: string;
  readonly content: NoticeContent;
}

export type ChannelName = 'mail' | 'webhook';

/** A way to send a notice. */
export interface Channel {
  readonly name: ChannelName;
  /** Destination for logs, without passwords. */
  readonly target: string;
  /**
   * Resolves when the other side has accepted it.
   *
   * @returns the response.
   * @throws LoghiveError LOGHIVE_ALERT_FAILED with a readable message.
   */
  send(notice: Notice, signal: AbortSignal): Promise<string>;
}

/** Maximum number of groups that a digest lists. */
export const MAX_LISTED = 50;

export function digestOf(groups: readonly GroupSummary[], all: { groups: number; records: number }): DigestNotice {
  const listed = groups.slice(0, MAX_LISTED);
  return {
    kind: 'digest',
    groups: listed,
    more: { groups: all.groups - listed.length, records: all.records - recordsOf(listed) },
  };
}

export function recordsOf(groups: readonly Pick<GroupSummary, 'records'>[]): number {
  return groups.reduce((sum, { records }) => sum + records, 0);
}

/** Guards against rows that other software wrote into the table. */
export function informationOf({ information }: Example): JsonObject {
  return typeof information === 'object' && information !== null && !Array.isArray(information) ? information : {};
}

const WITHHELD = '(withheld: the server refused the text. See logs.records)';

/** The same notice without anything that comes from a record, except names and counts. */
export function withoutText(content: NoticeContent): NoticeContent {
  const groupOf = (group: GroupSummary): GroupSummary => ({ ...group, title: WITHHELD });
  switch (content.kind) {
    case 'error':
      return {
        ...content,
        group: groupOf(content.group),
        example: { ...content.example, message: WITHHELD, information: {} },
      };
    case 'digest':
      return { ...content, groups: content.groups.map(groupOf) };
    default:
      return content;
  }
}

export type AlertFailure = LoghiveError & {
  /** Retrying is useless until a login or a setting is corrected. */
  readonly isPermanent: boolean;
  /** The other side accepts alerts, but not this text: a spam filter or a firewall for web applications. */
  readonly isAboutContent: boolean;
};

export function alertFailed(
  sentence: string,
  isPermanent: boolean,
  cause?: unknown,
  isAboutContent = false,
): AlertFailure {
  const error = new LoghiveError('LOGHIVE_ALERT_FAILED', sentence, { cause });
  return Object.assign(error, { isPermanent, isAboutContent });
}

export function isAlertFailure(error: unknown): error is AlertFailure {
  return error instanceof LoghiveError && error.code === 'LOGHIVE_ALERT_FAILED';
}
