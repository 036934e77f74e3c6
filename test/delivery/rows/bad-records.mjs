import { openRawPublisher, recordLine } from '../raw-publisher.mjs';

const BATCH = 1000;
const BAD = 7;
const timestamp = new Date().toISOString().replace('Z', '000Z');

/** What no table of this shape can take, or what is no record at all. `name` keeps them apart. */
function badBodies(service, name) {
  const line = (more) => recordLine({ service, ref: `bad-${name}`, timestamp, ...more });
  const [head, tail] = line().split('placed');
  return [
    Buffer.from(`${name}: a line of text`),
    Buffer.concat([Buffer.from(head), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(tail)]),
    Buffer.from(line().slice(0, -20)),
    Buffer.from(line({ timestamp: undefined })),
    Buffer.from(line({ service: undefined })),
    // Only PostgreSQL refuses these: 22003, and 54001 at its default stack depth.
    Buffer.from(line({ information: { n: 'N' } }).replace('"N"', '1e200000')),
    Buffer.from(line({ information: { n: 'N' } }).replace('"N"', '['.repeat(50_000) + ']'.repeat(50_000))),
  ];
}

/** Awkward, yet records: stored with what PostgreSQL cannot hold made visible. */
function awkwardBodies(service, name) {
  const line = (ref, more) => recordLine({ service, ref: `${name}-${ref}`, timestamp, ...more });
  return [
    Buffer.from(line('nul-in-message', { message: 'a\u0000b' })),
    Buffer.from(line('half-a-pair', { message: 'a?b' }).replace('a?b', 'a\\ud800b')),
    Buffer.from(line('nul-in-information', { information: { text: 'a\u0000b' } })),
  ];
}

function batch(service, name, random) {
  const bad = badBodies(service, name);
  const awkward = awkwardBodies(service, name);
  const refs = Array.from({ length: BATCH - bad.length - awkward.length }, (_, n) => `${name}-${n}`);
  const bodies = refs.map((ref) => Buffer.from(recordLine({ service, ref, timestamp })));
  for (const body of [...bad, ...awkward]) bodies.splice(Math.floor(random() * bodies.length), 0, body);
  return { bad, refs, bodies };
}

export default {
  name: 'bad-records',
  title: 'a batch of 1,000 with 7 bad records, as a frame and as single messages: 993 stored, 7 dead letters each',
  short: true,
  bites: { 'stored of the singles': BATCH - BAD, 'stored of the frame': BATCH - BAD, 'raw bytes kept': 2 * BAD },
  async run(stage) {
    const { service } = stage;
    const { application } = await stage.begin();
    await application.untilLogged(2000);
    const publisher = await openRawPublisher(stage.url);
    const singles = batch(service, 'single', stage.random);
    const frame = batch(service, 'frame', stage.random);
    const body = Buffer.concat(frame.bodies.flatMap((each) => [each, Buffer.from('\n')]));
    await publisher.publish(`${service}.info`, singles.bodies, { contentType: 'application/json' });
    await publisher.publish(`${service}.info`, [body], { contentType: 'application/x-ndjson' });
    await publisher.close();
    stage.addPublished([...singles.refs, ...frame.refs]);

    return async ({ deadLetters }) => {
      const storedOf = async (name) =>
        (
          await stage.query(`select count(*)::int from logs.records where information->>'ref' like $1`, [`${name}-%`])
        )[0].count;
      const letters = await stage.query('select raw from logs.dead_letters');
      const expected = [...singles.bad, ...frame.bad];
      const kept = expected.filter((raw) => letters.some((letter) => raw.equals(letter.raw)));
      if (deadLetters !== expected.length) stage.fault(`${deadLetters} dead letters instead of ${expected.length}`);
      await checkAwkward(stage);
      return {
        'stored of the singles': await storedOf('single'),
        'stored of the frame': await storedOf('frame'),
        'raw bytes kept': kept.length,
      };
    };
  },
};

async function checkAwkward(stage) {
  const rows = await stage.query(
    `select information->>'ref' as ref, message, information->>'text' as text from logs.records
     where information->>'ref' ~ '-(nul|half)-'`,
  );
  for (const { ref, message, text } of rows) {
    const right = {
      'nul-in-message': message === 'a\u2400b',
      'half-a-pair': message === 'a\ufffdb',
      'nul-in-information': text === 'a\u2400b',
    };
    const kind = ref.slice(ref.indexOf('-') + 1);
    if (!right[kind]) stage.fault(`${ref} is stored as ${JSON.stringify({ message, text })}`);
  }
}
