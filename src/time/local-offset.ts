/**
 * The offset from UTC of times that do not say it, as Python's `str(datetime.now())` does not, found out from the time at
 * which their message was published.
 *
 * @module
 */
import { zoneOffset } from './time-zone.js';

const MINUTE_S = 60;
const QUARTER_HOUR_S = 15 * MINUTE_S;
const HOUR_S = 60 * MINUTE_S;
const WEEK_S = 7 * 24 * HOUR_S;

/** Of some place on earth, in minutes. */
const OFFSETS = [
  -720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -150, -120, -60, 0, 60, 120, 180, 210, 240,
  270, 300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660, 720, 765, 780, 825, 840,
].map((minutes) => minutes * MINUTE_S);
const OFFSET_SET: ReadonlySet<number> = new Set(OFFSETS);

/** One for each rule by which clocks are changed. */
const CHANGING_ZONES = [
  'Europe/London',
  'Europe/Berlin',
  'Europe/Athens',
  'Europe/Chisinau',
  'Atlantic/Azores',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Asia/Beirut',
  'Asia/Jerusalem',
  'Asia/Gaza',
  'America/Nuuk',
  'America/St_Johns',
  'America/Miquelon',
  'America/Halifax',
  'America/New_York',
  'America/Havana',
  'America/Chicago',
  'America/Denver',
  'America/Los_Angeles',
  'America/Anchorage',
  'America/Adak',
  'America/Santiago',
  'Pacific/Easter',
  'Pacific/Norfolk',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Australia/Sydney',
  'Australia/Adelaide',
  'Australia/Lord_Howe',
  'Antarctica/Troll',
];

/** A record that is published within so much of when it was made is on time. */
const ON_TIME_S = 2 * MINUTE_S;
/** Longer than that no publisher keeps a record, and no offset is remembered. */
const MOST_LATE_S = WEEK_S;
/** Records that all seem to be late by the same whole hours, for so long, are on time: their service has moved. */
const MOVED_AFTER_S = QUARTER_HOUR_S;
/** The names come from whoever publishes. */
const MOST_SERVICES = 1000;

/** An offset, in seconds east of UTC, that the records of a service have shown at a time, in epoch seconds. */
interface Shown {
  readonly offsetS: number;
  readonly atS: number;
}

interface Service {
  /** By records that were on time, last. Nearly always one; more where its processes run in different zones. */
  shown: readonly Shown[];
  /** What records show if they are on time, while they are late by another offset; since when, and when last. */
  doubtful: (Shown & { readonly lastS: number }) | undefined;
  isReported: boolean;
}

/**
 * A local time is ahead of the time at which its record was published by its offset, less what the record was late. Where
 * the two differ by the offset of some place on earth, to two minutes, the record was on time and that is the offset. But a
 * record that is late by whole hours looks the same, so what the service has shown before is looked at first:
 *
 * | they differ by | and the service | taken is |
 * |---|---|---|
 * | an offset | has shown it, or none by which the record would be late | that offset |
 * | an offset | has shown one by which the record would be late, by a week at most | the one that was shown |
 * | | but somewhere on earth clocks were changed from that to this since then | this one, from now on |
 * | | or that has gone on for a quarter of an hour: the service, or a part of it, has moved | this one |
 * | no offset | has shown one by which the record is late, by a week at most | the one by which it is least late |
 * | no offset | has shown no such | the one on earth by which it is least late; UTC where that is more than an hour |
 *
 * That records are late is reported once for each service.
 */
export class LocalOffsets {
  readonly #services = new Map<string, Service>();
  readonly #report: (sentence: string) => void;

  constructor(report: (sentence: string) => void) {
    this.#report = report;
  }

  /**
   * @param civilS the local reading as if it were UTC, in epoch seconds.
   * @param sentS when its record was published, in epoch seconds.
   * @returns epoch seconds.
   */
  toUtc(name: string, civilS: number, sentS: number): number {
    const service = this.#service(name);
    const differenceS = civilS - sentS;
    const onTimeS = offsetNear(differenceS);
    if (onTimeS !== undefined && isShown(service, onTimeS, differenceS, sentS)) return civilS - onTimeS;
    const late = leastLate(service.shown, differenceS, sentS);
    const offsetS = late ? late.offsetS : nearestOffset(differenceS);
    if (!service.isReported) {
      service.isReported = true;
      this.#report(sentenceOf(name, offsetS, late !== undefined));
    }
    return civilS - offsetS;
  }

  #service(name: string): Service {
    const known = this.#services.get(name);
    if (known !== undefined) return known;
    for (const oldest of this.#services.keys()) {
      if (this.#services.size < MOST_SERVICES) break;
      this.#services.delete(oldest);
    }
    const service: Service = { shown: [], doubtful: undefined, isReported: false };
    this.#services.set(name, service);
    return service;
  }
}

/** Whether the record is taken to be on time, by this offset. Then the service has shown it. */
function isShown(service: Service, offsetS: number, differenceS: number, sentS: number): boolean {
  const { shown } = service;
  const last = shown[0];
  const now: Shown = { offsetS, atS: sentS };
  if (last?.offsetS === offsetS && shown.length === 1) {
    // Its records come many in one second.
    if (last.atS !== sentS) service.shown = [now];
    return true;
  }
  const others = shown.filter((each) => each.offsetS !== offsetS && sentS - each.atS <= MOST_LATE_S);
  if (!shown.some((each) => each.offsetS === offsetS)) {
    const changed = others.find((each) => haveClocksChanged(each, now));
    if (changed) others.splice(others.indexOf(changed), 1);
    else if (leastLate(others, differenceS, sentS) && !hasMoved(service, now, others)) return false;
  }
  service.shown = [now, ...others];
  service.doubtful = undefined;
  return true;
}

/** Late records have no company of the same kind for long; and while a service is late, it shows its offset in between. */
function hasMoved(service: Service, now: Shown, others: readonly Shown[]): boolean {
  const { doubtful } = service;
  const isSame = doubtful?.offsetS === now.offsetS && now.atS >= doubtful.lastS;
  const goesOn = isSame && (now.atS - doubtful.lastS < MOVED_AFTER_S || others.every(({ atS }) => atS <= doubtful.atS));
  service.doubtful = { ...(goesOn ? doubtful : now), lastS: now.atS };
  return now.atS - service.doubtful.atS >= MOVED_AFTER_S;
}

/** The offset on earth that is it to two minutes. */
function offsetNear(differenceS: number): number | undefined {
  const rounded = Math.round(differenceS / QUARTER_HOUR_S) * QUARTER_HOUR_S;
  return Math.abs(differenceS - rounded) <= ON_TIME_S && OFFSET_SET.has(rounded) ? rounded : undefined;
}

/** The one by which the record is late, and least so. */
function leastLate(shown: readonly Shown[], differenceS: number, sentS: number): Shown | undefined {
  let least: Shown | undefined;
  for (const each of shown) {
    const lateS = each.offsetS - differenceS;
    const isPossible = lateS >= -ON_TIME_S && lateS <= MOST_LATE_S && sentS - each.atS <= MOST_LATE_S;
    if (isPossible && (least === undefined || each.offsetS < least.offsetS)) least = each;
  }
  return least;
}

function nearestOffset(differenceS: number): number {
  const nearest = OFFSETS.find((offsetS) => offsetS >= differenceS - ON_TIME_S);
  return nearest !== undefined && nearest - differenceS <= HOUR_S ? nearest : 0;
}

/** Twice a year: only then does a service show another offset without having moved. */
function haveClocksChanged(from: Shown, to: Shown): boolean {
  return CHANGING_ZONES.some(
    (zone) => zoneOffset(zone, from.atS) === from.offsetS && zoneOffset(zone, to.atS) === to.offsetS,
  );
}

function sentenceOf(service: string, offsetS: number, isShown: boolean): string {
  const name = JSON.stringify(service.slice(0, 100));
  const taken = `${isShown ? 'the last one that it showed' : 'the nearest one'}, UTC${signed(offsetS)}, is taken`;
  return `service ${name} publishes its records late, with times that do not say their offset: ${taken}. Set PYTHON_TIMEZONE to its time zone to be sure`;
}

/** `+05:45` */
function signed(offsetS: number): string {
  const minutes = Math.abs(offsetS) / MINUTE_S;
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((number) => String(number).padStart(2, '0'));
  return `${offsetS < 0 ? '-' : '+'}${hour}:${minute}`;
}
