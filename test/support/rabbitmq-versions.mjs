import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cacheFolder } from '../../dist/esm/cli/embedded/cache-folder.js';
import { unpackPackage, useOwnLibraries, whyNoDebianPackages, writeScript } from './debian-packages.mjs';
import { findRabbitmq } from './find-rabbitmq.mjs';
import { startRabbitmq } from './rabbitmq.mjs';
import { hasContainerEngine, startRabbitmqContainer } from './rabbitmq-container.mjs';

/** The Debian suites that have them. Suites move on to newer versions, so a version may by now be in another suite. */
const SUITES = {
  '3.10': ['bookworm'],
  '4.0': ['trixie'],
  4.3: ['forky', 'sid'],
};
const ERLANG = 'usr/lib/erlang';

export const RABBITMQ_VERSIONS = Object.keys(SUITES);

/** Starts a RabbitMQ node of that version; see rabbitmq-versions.d.mts. */
export async function requireRabbitmqOf(version, options = {}) {
  if (!Object.hasOwn(SUITES, version)) {
    throw new Error(`unknown RabbitMQ version ${version}. Available: ${RABBITMQ_VERSIONS.join(', ')}`);
  }
  if (findRabbitmq()?.version?.startsWith(`${version}.`)) return startRabbitmq(options);
  const unpacked = await findUnpacked(version);
  if (unpacked) return startRabbitmq({ ...options, installation: unpacked });
  const obstacle = whyNoDebianPackages();
  if (obstacle === undefined) return startRabbitmq({ ...options, installation: await unpack(version) });
  if (await hasContainerEngine()) return startRabbitmqContainer({ ...options, image: `rabbitmq:${version}` });
  throw new Error(`RabbitMQ ${version} is not available: ${obstacle}, and there is no Docker engine.`);
}

function placesOf(version) {
  return [cacheFolder(), path.join(tmpdir(), `loghive-test-${process.getuid?.() ?? ''}`)].map((folder) =>
    path.join(folder, 'test', `rabbitmq-${version}`),
  );
}

async function findUnpacked(version) {
  const root = placesOf(version).find((folder) => existsSync(folder));
  return root && installationIn(root);
}

/** Done once for all runs: it takes half a minute and 200 MB. */
async function unpack(version) {
  process.stderr.write(`loghive tests: downloading RabbitMQ ${version} from Debian, once\n`);
  const root = await writable(placesOf(version));
  const draft = `${root}.${process.pid}`;
  try {
    await unpackPackage({ name: 'rabbitmq-server', version: `${version}.`, suites: SUITES[version], folder: draft });
    await relocateErlang(draft);
    await rename(draft, root).catch((error) => {
      // Another run may have finished first.
      if (!existsSync(root)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return installationIn(root);
}

async function writable(places) {
  const failures = [];
  for (const place of places) {
    try {
      await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
      return place;
    } catch (error) {
      failures.push(error.message);
    }
  }
  throw new Error(`no writable folder for RabbitMQ: ${failures.join('; ')}`);
}

/** Erlang's own start script only works in /usr/lib. */
async function relocateErlang(root) {
  await useOwnLibraries(root, ERLANG);
  const erl = path.join(await erlangIn(root), 'erl');
  const settings = `ROOTDIR="\${0%/*}/../.." BINDIR="\${0%/*}" EMU=beam PROGNAME=erl ESCRIPT_EMULATOR="$0"`;
  await writeScript(erl, `export ${settings}`, 'exec "$BINDIR/erlexec" "$@"');
}

/** The folder with Erlang's programs. */
async function erlangIn(root) {
  const home = path.join(root, ERLANG);
  return path.join(home, await only(home, 'erts-'), 'bin');
}

/** The server's scripts, and the Erlang that they need. */
async function installationIn(root) {
  const servers = path.join(root, 'usr/lib/rabbitmq/lib');
  return {
    scripts: path.join(servers, await only(servers, 'rabbitmq_server-'), 'sbin'),
    programs: await erlangIn(root),
  };
}

async function only(folder, prefix) {
  const name = (await readdir(folder)).find((each) => each.startsWith(prefix));
  if (name === undefined) throw new Error(`${folder} contains no ${prefix}…`);
  return name;
}
