/**
 * Infers the UTC offset of times without one, such as Python's `str(datetime.now())`, from the time at which their
 * message was published.
 *
 * @module
 */

const MINUTE_S = 60;
const QUARTER_HOUR_S = 15 * MINUTE_S;
const HOUR_S = 60 * MINUTE_S;

/** All UTC offsets in use, in seconds, ascending. */
const OFFSETS = [
  -720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -150, -120, -60, 0, 60, 120, 180, 210, 240,
  270, 300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660, 720, 765, 780, 825, 840,
].map((minutes) => minutes * MINUTE_S);
const OFFSET_SET: ReadonlySet<number> = new Set(OFFSETS);

/** A record that is published within this time after it was created is on time. */
const ON_TIME_S = MINUTE_S;
/** Records that were buffered together are late by about the same time; this is the tolerance. */
const SAME_DELAY_S = 10 * MINUTE_S;
/** No publisher buffers a record longer than this, and offsets older than this are ignored. */
const MAX_LATE_S = 7 * 24 * HOUR_S;
/** Names come from publishers, so their number must be limited. */
const MAX_SERVICES = 1000;

/**
 * An offset, in seconds east of UTC, with which a record was on time, and when that record was published, in epoch
 * seconds.
 */
interface ObservedOffset {
  readonly offsetS: number;
  readonly atS: number;
}

interface Service {
  /** Most recent first. More than one if processes in different zones published within an hour. */
  observed: readonly ObservedOffset[];
  /** How late the previous record was. */
  lateS: number;
  isReported: boolean;
}

/**
 * The difference between a record's local time and its publish time is its UTC offset, minus the delay of publishing.
 * If the difference is within a minute of a real UTC offset, the record was on time and the difference is its offset;
 * otherwise the record was late.
 *
 * | the difference is | and | the offset used is |
 * |---|---|---|
 * | a real offset | | that offset, which is then remembered for the service |
 * | a real offset | with the remembered offset, this record and the one before are late by about the same time | the remembered offset |
 * | no real offset | the service has a remembered offset, with which the record is late by a week at most | the remembered offset |
 * | no real offset | the service has no remembered offset | the one with which the record is least late; UTC if that is more than an hour |
 *
 * The second row is for records that were buffered while a broker was unreachable: some of them are late by whole
 * hours. A single record that is late by whole hours cannot be distinguished from one of another zone, or from one
 * after a change of the clocks. If a service has several remembered offsets, the one with which the record is least
 * late is used.
 *
 * Late records are reported once for each service.
 */
export class LocalOffsets {
  readonly #services = new Map<string, Service>();
  readonly #report: (sentence: string) => void;

  constructor(report: (sentence: string) => void) {
    this.#report = report;
  }

  /**
   * @param civilS the local time as if it were UTC, in epoch seconds.
   * @param sentS when its record was published, in epoch seconds.
   * @param alone ignores remembered offsets. For a record whose time is part of a key, which must be the same when its
   *   message is redelivered to another process.
   * @returns epoch seconds.
   */
  toUtc(name: string, civilS: number, sentS: number, alone = false): number {
    const service = this.#service(name);
    const differenceS = civilS - sentS;
    const onTimeS = onTimeOffset(differenceS);
    const late = alone ? undefined : leastLate(service.observed, differenceS, sentS);
    const isOnTime = onTimeS !== undefined && !(late && isInBacklog(service, late.offsetS - differenceS));
    const offsetS = isOnTime ? onTimeS : (late?.offsetS ?? nearestOffset(differenceS));
    if (isOnTime) remember(service, offsetS, sentS);
    else this.#reportLate(service, name, offsetS, late !== undefined);
    service.lateS = offsetS - differenceS;
    return civilS - offsetS;
  }

  #reportLate(service: Service, name: string, offsetS: number, isObserved: boolean): void {
    if (service.isReported) return;
    service.isReported = true;
    this.#report(sentenceOf(name, offsetS, isObserved));
  }

  #service(name: string): Service {
    const known = this.#services.get(name);
    if (known !== undefined) return known;
    for (const oldest of this.#services.keys()) {
      if (this.#services.size < MAX_SERVICES) break;
      this.#services.delete(oldest);
    }
    const service: Service = { observed: [], lateS: 0, isReported: false };
    this.#services.set(name, service);
    return service;
  }
}

function onTimeOffset(differenceS: number): number | undefined {
  const offsetS = Math.round(differenceS / QUARTER_HOUR_S) * QUARTER_HOUR_S;
  return Math.abs(differenceS - offsetS) <= ON_TIME_S && OFFSET_SET.has(offsetS) ? offsetS : undefined;
}

/** Of the remembered offsets, the one with which the record is least late. */
function leastLate(
  observed: readonly ObservedOffset[],
  differenceS: number,
  sentS: number,
): ObservedOffset | undefined {
  let least: ObservedOffset | undefined;
  for (const each of observed) {
    const lateS = each.offsetS - differenceS;
    const isPossible = lateS >= -ON_TIME_S && lateS <= MAX_LATE_S && sentS - each.atS <= MAX_LATE_S;
    if (isPossible && (least === undefined || each.offsetS < least.offsetS)) least = each;
  }
  return least;
}

function isInBacklog({ lateS: before }: Service, lateS: number): boolean {
  return before > ON_TIME_S && Math.abs(lateS - before) <= SAME_DELAY_S;
}

function remember(service: Service, offsetS: number, atS: number): void {
  const last = service.observed[0];
  // Usually many records a second have the same offset.
  if (last?.offsetS === offsetS && last.atS === atS) return;
  const others = service.observed.filter((each) => each.offsetS !== offsetS && atS - each.atS <= HOUR_S);
  service.observed = [{ offsetS, atS }, ...others];
}

function nearestOffset(differenceS: number): number {
  const nearest = OFFSETS.find((offsetS) => offsetS >= differenceS - ON_TIME_S);
  return nearest !== undefined && nearest - differenceS <= HOUR_S ? nearest : 0;
}

function sentenceOf(service: string, offsetS: number, isObserved: boolean): string {
  const name = JSON.stringify(service.slice(0, 100));
  const assumed = `UTC${signed(offsetS)}, ${isObserved ? 'its last known offset' : 'the nearest possible offset'}, is assumed`;
  return `service ${name} publishes late records whose times have no UTC offset: ${assumed}. Set PYTHON_TIMEZONE to its time zone to be sure`;
}

/** `+05:45` */
function signed(offsetS: number): string {
  const minutes = Math.abs(offsetS) / MINUTE_S;
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((number) => String(number).padStart(2, '0'));
  return `${offsetS < 0 ? '-' : '+'}${hour}:${minute}`;
}
