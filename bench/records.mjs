/** The records that every bench uses: about 300 bytes as a line of JSON, numbered by `information.n`. */
import { encodeRecord } from '../dist/esm/src/record.js';
import { uuidv7 } from '../dist/esm/src/uuid.js';

const SERVICE = 'bench';
/** The baseline's service, if the baseline publishes as well. */
const OTHER_SERVICE = 'bench-other';
const MESSAGE = 'order placed by a returning customer, paid by card, to be sent tomorrow';

export function informationOf(n) {
  return { n, customer: `customer-${n % 5000}`, path: '/orders', status: 201, tookMs: n % 97, region: 'eu-central' };
}

export { MESSAGE, OTHER_SERVICE, SERVICE };

/** Of twenty records, thirteen are INFO, four DEBUG, two WARNING, one ERROR. */
export function mixedLevel(n) {
  const place = n % 20;
  if (place === 0) return 'ERROR';
  if (place < 3) return 'WARNING';
  return place < 7 ? 'DEBUG' : 'INFO';
}

/** Encoded lines of the records 0 to `count` - 1. */
export function encodedLines(count, levelOf = () => 'INFO') {
  const startMicros = Date.now() * 1000;
  return Array.from({ length: count }, (_, n) => {
    const epochMicros = startMicros + n;
    const input = { service: SERVICE, level: levelOf(n), message: MESSAGE, information: informationOf(n) };
    return encodeRecord(input, { id: uuidv7(epochMicros), epochMicros }, 1024 * 1024);
  });
}

/** Counts how many times each of the records 0 to `count` - 1 was seen. */
export function recordCounter(count) {
  const seen = new Uint8Array(count);
  let foreign = 0;
  return {
    see(n) {
      if (Number.isInteger(n) && n >= 0 && n < count) seen[n] = Math.min(255, seen[n] + 1);
      else foreign++;
    },
    result() {
      let lost = 0;
      let doubled = foreign;
      for (const times of seen) {
        if (times === 0) lost++;
        else doubled += times - 1;
      }
      return { lost, doubled };
    },
  };
}
