/**
 * The offset from UTC of times that do not say it, as Python's `str(datetime.now())` does not, found out from the time at
 * which their message was published.
 *
 * @module
 */

const MINUTE_S = 60;
const QUARTER_HOUR_S = 15 * MINUTE_S;
const HOUR_S = 60 * MINUTE_S;

/** In use somewhere on earth, in seconds, the least first. */
const OFFSETS = [
  -720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -150, -120, -60, 0, 60, 120, 180, 210, 240,
  270, 300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660, 720, 765, 780, 825, 840,
].map((minutes) => minutes * MINUTE_S);
const OFFSET_SET: ReadonlySet<number> = new Set(OFFSETS);

/** A record that is published within so much of when it was made is on time. */
const ON_TIME_S = MINUTE_S;
/** Records that were kept together are late by about the same. */
const ABOUT_S = 10 * MINUTE_S;
/** Longer than that no publisher keeps a record, and no offset is remembered. */
const MOST_LATE_S = 7 * 24 * HOUR_S;
/** The names come from whoever publishes. */
const MOST_SERVICES = 1000;

/** An offset, in seconds east of UTC, by which a record was on time, and when that was published, in epoch seconds. */
interface Shown {
  readonly offsetS: number;
  readonly atS: number;
}

interface Service {
  /** The last one first. More than one where processes in different zones published within an hour. */
  shown: readonly Shown[];
  /** How late the record before was. */
  lateS: number;
  isReported: boolean;
}

/**
 * A local time is ahead of the time at which its record was published by its offset, less what the record was late. So
 * where the two differ by the offset of some place on earth, to a minute, the record was on time, and that is its offset;
 * else it was late.
 *
 * | they differ by | and the service | taken is |
 * |---|---|---|
 * | an offset | | that one: the service has shown it |
 * | an offset | by the one it has shown, this record and the one before are late by about the same | the one it has shown |
 * | no offset | has shown one, by which the record is late, by a week at most | that one |
 * | no offset | has shown none | the one by which the record is least late; UTC where that is more than an hour |
 *
 * The second row is for what was kept while a broker was away: some of it is late by whole hours. One record that is late by
 * whole hours and alone cannot be told from one of another place, nor from one after the clocks were changed. Where a
 * service has shown several offsets, that one is meant by which the record is least late.
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
   * @param alone by this record alone, whatever its service has shown: its time is part of a key, which must not change
   * when its message comes again to another process.
   * @returns epoch seconds.
   */
  toUtc(name: string, civilS: number, sentS: number, alone = false): number {
    const service = this.#service(name);
    const differenceS = civilS - sentS;
    const onTimeS = onTimeOffset(differenceS);
    const late = alone ? undefined : leastLate(service.shown, differenceS, sentS);
    const isOnTime = onTimeS !== undefined && !(late && isInBacklog(service, late.offsetS - differenceS));
    const offsetS = isOnTime ? onTimeS : (late?.offsetS ?? nearestOffset(differenceS));
    if (isOnTime) show(service, offsetS, sentS);
    else this.#reportLate(service, name, offsetS, late !== undefined);
    service.lateS = offsetS - differenceS;
    return civilS - offsetS;
  }

  #reportLate(service: Service, name: string, offsetS: number, isShown: boolean): void {
    if (service.isReported) return;
    service.isReported = true;
    this.#report(sentenceOf(name, offsetS, isShown));
  }

  #service(name: string): Service {
    const known = this.#services.get(name);
    if (known !== undefined) return known;
    for (const oldest of this.#services.keys()) {
      if (this.#services.size < MOST_SERVICES) break;
      this.#services.delete(oldest);
    }
    const service: Service = { shown: [], lateS: 0, isReported: false };
    this.#services.set(name, service);
    return service;
  }
}

function onTimeOffset(differenceS: number): number | undefined {
  const offsetS = Math.round(differenceS / QUARTER_HOUR_S) * QUARTER_HOUR_S;
  return Math.abs(differenceS - offsetS) <= ON_TIME_S && OFFSET_SET.has(offsetS) ? offsetS : undefined;
}

/** Of those that the service has shown, the one by which the record is least late. */
function leastLate(shown: readonly Shown[], differenceS: number, sentS: number): Shown | undefined {
  let least: Shown | undefined;
  for (const each of shown) {
    const lateS = each.offsetS - differenceS;
    const isPossible = lateS >= -ON_TIME_S && lateS <= MOST_LATE_S && sentS - each.atS <= MOST_LATE_S;
    if (isPossible && (least === undefined || each.offsetS < least.offsetS)) least = each;
  }
  return least;
}

function isInBacklog({ lateS: before }: Service, lateS: number): boolean {
  return before > ON_TIME_S && Math.abs(lateS - before) <= ABOUT_S;
}

function show(service: Service, offsetS: number, atS: number): void {
  const last = service.shown[0];
  // Records come many in one second, nearly always of one offset.
  if (last?.offsetS === offsetS && last.atS === atS) return;
  const others = service.shown.filter((each) => each.offsetS !== offsetS && atS - each.atS <= HOUR_S);
  service.shown = [{ offsetS, atS }, ...others];
}

function nearestOffset(differenceS: number): number {
  const nearest = OFFSETS.find((offsetS) => offsetS >= differenceS - ON_TIME_S);
  return nearest !== undefined && nearest - differenceS <= HOUR_S ? nearest : 0;
}

function sentenceOf(service: string, offsetS: number, isShown: boolean): string {
  const name = JSON.stringify(service.slice(0, 100));
  const taken = `UTC${signed(offsetS)}, ${isShown ? 'the last one that it showed' : 'the nearest one'}, is taken`;
  return `service ${name} publishes records late, with times that do not say their offset: ${taken}. Set PYTHON_TIMEZONE to its time zone to be sure`;
}

/** `+05:45` */
function signed(offsetS: number): string {
  const minutes = Math.abs(offsetS) / MINUTE_S;
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((number) => String(number).padStart(2, '0'));
  return `${offsetS < 0 ? '-' : '+'}${hour}:${minute}`;
}
