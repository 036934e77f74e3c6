import { openRawPublisher, recordLine } from '../../suite/raw-publisher.mjs';

const BATCH = 1000;
const BAD = 7;
const CLEANED = 3;
const timestamp = new Date().toISOString().replace('Z', '000Z');

/** Seven invalid records. `name` distinguishes them. */
function commonBodies(service, name) {
  const line = (more) => recordLine({ service, ref: `bad-${name}`, timestamp, ...more });
  const [head, tail] = line().split('placed');
  return [
    Buffer.from(`${name}: a line of text`),
    Buffer.from(line().slice(0, -20)),
    Buffer.concat([Buffer.from(head), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(tail)]),
    Buffer.from(line({ timestamp: undefined })),
    Buffer.from(`"${name}"`),
    Buffer.from(`{"${name}":1}`),
    Buffer.from(JSON.stringify(line())),
  ];
}

/** Three records with characters that PostgreSQL text cannot contain. They are cleaned and stored. */
function cleanedBodies(service, refs) {
  const [nul, inName, surrogate] = refs.map(
    (ref) => (information) => recordLine({ service, ref, timestamp, information }),
  );
  return [
    nul({ text: 'a\u0000b' }),
    inName({ 'a\u0000b': 1 }),
    surrogate({ text: 'a?b' }).replace('a?b', 'a\\ud800b'),
  ].map((line) => Buffer.from(line));
}

/**
 * Seven rarer invalid records. Only PostgreSQL rejects the number (22003) and nesting deeper than its stack (54001).
 */
function rareBodies(service, name) {
  const line = (more) => recordLine({ service, ref: `bad-${name}`, timestamp, ...more });
  return [
    Buffer.from(line({ service: undefined })),
    Buffer.from(line({ level: '' })),
    Buffer.from(line({ timestamp: 'yesterday' })),
    Buffer.from(`[${line()}]`),
    Buffer.from(`${line()} ${line()}`),
    Buffer.from(line({ information: { n: 'N' } }).replace('"N"', '1e200000')),
    Buffer.from(line({ information: { n: 'N' } }).replace('"N"', '['.repeat(50_000) + ']'.repeat(50_000))),
  ];
}

function batch(service, name, bad, random) {
  const refs = Array.from({ length: BATCH - bad.length }, (_, n) => `${name}-${n}`);
  const plain = refs.slice(CLEANED).map((ref) => Buffer.from(recordLine({ service, ref, timestamp })));
  const bodies = [...cleanedBodies(service, refs.slice(0, CLEANED)), ...plain];
  for (const body of bad) bodies.splice(Math.floor(random() * bodies.length), 0, body);
  return { bad, refs, bodies };
}

export default {
  name: 'bad-records',
  title:
    'batches of 1,000 with 7 bad records, as single messages and as frames: 993 are stored and 7 become dead letters',
  short: true,
  minEffects: { 'stored of the batches': 4 * (BATCH - BAD), 'raw bytes kept': 4 * BAD },
  async run(testbed) {
    const { service } = testbed;
    const { application } = await testbed.begin();
    await application.untilLogged(2000);
    const publisher = await openRawPublisher(testbed.url);
    const batches = [
      batch(service, 'common', commonBodies(service, 'common'), testbed.random),
      batch(service, 'rare', rareBodies(service, 'rare'), testbed.random),
      batch(service, 'frame', commonBodies(service, 'frame'), testbed.random),
      batch(service, 'frame-of-rare', rareBodies(service, 'frame-of-rare'), testbed.random),
    ];
    for (const [index, { bodies, refs }] of batches.entries()) {
      const frame = Buffer.concat(bodies.flatMap((body) => [body, Buffer.from('\n')]));
      if (index < 2) await publisher.publish(`${service}.info`, bodies, { contentType: 'application/json' });
      else await publisher.publish(`${service}.info`, [frame], { contentType: 'application/x-ndjson' });
      testbed.addPublished(refs);
    }
    await publisher.close();

    return async ({ deadLetters }) => {
      const letters = await testbed.query('select raw from logs.dead_letters');
      const bad = batches.flatMap((each) => each.bad);
      const kept = bad.filter((raw) => letters.some((letter) => raw.equals(letter.raw)));
      if (deadLetters !== bad.length) testbed.fault(`${deadLetters} dead letters instead of ${bad.length}`);
      const [stored] = await testbed.query(
        `select count(*)::int from logs.records where information->>'ref' ~ '^(common|rare|frame)'`,
      );
      return { 'stored of the batches': stored.count, 'raw bytes kept': kept.length };
    };
  },
};
