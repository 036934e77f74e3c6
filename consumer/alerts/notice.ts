/** What is told: one notice, by each channel. As it is stored until it is sent; what is hidden is hidden when it is sent. */
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
  /** Those that matter most. */
  readonly groups: readonly GroupSummary[];
  /** What else there was. */
  readonly more: { readonly groups: number; readonly records: number };
}

/** About Loghive itself. */
export interface ConditionNotice {
  /** `recovered`: it does not hold any more. */
  readonly kind: 'condition' | 'recovered';
  readonly key: string;
  readonly sentence: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Of one that does not hold any more. */
  readonly until?: string;
}

/** `loghive alerts test`. */
export interface TestNotice {
  readonly kind: 'test';
  readonly host: string;
}

export type NoticeContent = ErrorNotice | DigestNotice | ConditionNotice | TestNotice;

export interface Notice {
  /** A UUIDv7: the same each time that it is sent. */
  readonly id: string;
  readonly content: NoticeContent;
}

export type ChannelName = 'mail' | 'webhook';

/** A way to send a notice. */
export interface Channel {
  readonly name: ChannelName;
  /** Where to, for people; without passwords. */
  readonly target: string;
  /**
   * Resolves when the other side has accepted it.
   *
   * @returns what it answered.
   * @throws LoghiveError LOGHIVE_ALERT_FAILED with the reason in words.
   */
  send(notice: Notice, signal: AbortSignal): Promise<string>;
}

/** What a digest lists, at most. */
export const MOST_LISTED = 50;

export function digestOf(groups: readonly GroupSummary[], all: { groups: number; records: number }): DigestNotice {
  const listed = groups.slice(0, MOST_LISTED);
  return {
    kind: 'digest',
    groups: listed,
    more: { groups: all.groups - listed.length, records: all.records - recordsOf(listed) },
  };
}

export function recordsOf(groups: readonly Pick<GroupSummary, 'records'>[]): number {
  return groups.reduce((sum, { records }) => sum + records, 0);
}

/** Where the information of an example is not what it should be: somebody else wrote into the table. */
export function informationOf({ information }: Example): JsonObject {
  return typeof information === 'object' && information !== null && !Array.isArray(information) ? information : {};
}
