import { connect, createServer } from 'node:net';
import { freePort } from './ports.mjs';
import { sleep } from './wait.mjs';

const HELD_BACK_BYTES = 256 * 1024;
const THROTTLE_STEP_MS = 20;

/** A TCP proxy on loopback that fails on demand; see proxy.d.mts. */
export async function startProxy({ target }) {
  const port = await freePort();
  const pairs = new Set();
  const shape = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, direction: 'both' };
  const counts = { accepted: 0, bytesUp: 0, bytesDown: 0 };
  let holding = false;
  let server;

  function take(client) {
    counts.accepted += 1;
    const pair = openPair(client, { target, shape, counts });
    pairs.add(pair);
    pair.closed.then(() => pairs.delete(pair));
    if (!holding) pair.connectUpstream();
  }

  function listen() {
    return new Promise((resolve, reject) => {
      server = createServer({ allowHalfOpen: true, noDelay: true }, take);
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  }

  async function refuse() {
    if (server === undefined) return;
    const closing = server;
    server = undefined;
    // Not awaited: its callback would wait for the connections, which must stay open.
    closing.close();
  }

  async function endAll(how) {
    const ending = [...pairs];
    for (const pair of ending) pair[how]();
    await Promise.all(ending.map((pair) => pair.closed));
  }

  await listen();
  return {
    host: '127.0.0.1',
    port,
    url(of) {
      const url = new URL(of);
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.href;
    },
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return counts.accepted;
    },
    get bytesUp() {
      return counts.bytesUp;
    },
    get bytesDown() {
      return counts.bytesDown;
    },
    cut: () => endAll('finish'),
    reset: () => endAll('reset'),
    halfOpen() {
      holding = true;
      for (const pair of pairs) pair.hold();
    },
    delay(ms) {
      shape.delayMs = ms;
    },
    throttle(bytesPerSecond, { direction = 'both' } = {}) {
      shape.bytesPerSecond = bytesPerSecond;
      shape.direction = direction;
    },
    refuse,
    async heal({ resume = false } = {}) {
      holding = false;
      Object.assign(shape, { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, direction: 'both' });
      if (server === undefined) await listen();
      for (const pair of pairs) {
        if (pair.state === 'waiting') pair.connectUpstream();
        if (resume && pair.state === 'held') pair.release();
      }
    },
    async stop() {
      await refuse();
      await endAll('reset');
    },
  };
}

/**
 * One client with its connection to the target.
 *
 * ```
 *   waiting ──connectUpstream──▶ flowing ◀──release── held
 *      │                          │  └─────hold──────▶ │
 *      └──────────finish, reset, either side gone──────┴──▶ gone
 * ```
 */
function openPair(client, { target, shape, counts }) {
  let state = 'waiting';
  let upstream;
  let pumps = [];
  let resolveClosed;
  const closed = new Promise((resolve) => {
    resolveClosed = resolve;
  });
  // Nothing is read yet: the client's data stays in the kernel, as if the peer had vanished.
  client.pause();
  client.on('error', () => die('resetAndDestroy'));
  client.on('close', settle);

  function die(how) {
    if (state === 'gone') return;
    state = 'gone';
    for (const pump of pumps) pump.stop();
    for (const socket of [client, upstream]) {
      if (socket !== undefined && !socket.destroyed) socket[how]();
    }
    resolveClosed();
  }

  function settle() {
    if (client.destroyed && (upstream === undefined || upstream.destroyed)) die('destroy');
  }

  return {
    closed,
    get state() {
      return state;
    },
    connectUpstream() {
      state = 'flowing';
      upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
      upstream.on('error', () => die('resetAndDestroy'));
      upstream.on('close', settle);
      const count = (name) => (bytes) => {
        counts[name] += bytes;
      };
      pumps = [
        pump(client, upstream, () => speed(shape, 'up'), count('bytesUp')),
        pump(upstream, client, () => speed(shape, 'down'), count('bytesDown')),
      ];
    },
    hold() {
      if (state !== 'flowing') return;
      state = 'held';
      for (const each of pumps) each.hold();
    },
    release() {
      state = 'flowing';
      for (const each of pumps) each.release();
    },
    /** Sends a FIN to both sides. Buffered data is dropped. */
    finish() {
      if (state === 'gone') return;
      for (const each of pumps) each.stop();
      for (const socket of [client, upstream]) {
        if (socket === undefined || socket.destroyed) continue;
        // Pending data is read and discarded, because closing with unread data would send a RST.
        socket.removeAllListeners('data');
        socket.resume();
        socket.end();
      }
      setTimeout(() => die('destroy'), 1000).unref();
    },
    reset() {
      die('resetAndDestroy');
    },
  };
}

function speed({ delayMs, bytesPerSecond, direction }, way) {
  const limited = direction === 'both' || direction === way;
  return { delayMs, bytesPerSecond: limited ? bytesPerSecond : Number.POSITIVE_INFINITY };
}

/** Forwards bytes in one direction, in order, within the rate limit. */
function pump(from, to, currentSpeed, count) {
  const queue = [];
  let queuedBytes = 0;
  let ended = false;
  let moving = false;
  let mode = 'flowing';

  from.on('data', (chunk) => {
    queue.push({ chunk, dueAt: performance.now() + currentSpeed().delayMs });
    queuedBytes += chunk.length;
    if (queuedBytes > HELD_BACK_BYTES || mode === 'held') from.pause();
    move();
  });
  from.on('end', () => {
    ended = true;
    move();
  });
  from.resume();

  async function move() {
    if (moving) return;
    moving = true;
    while (mode === 'flowing' && queue.length > 0) {
      const first = queue[0];
      const early = first.dueAt - performance.now();
      if (early > 0) {
        await sleep(early);
        continue;
      }
      const { bytesPerSecond } = currentSpeed();
      const allowed = Math.max(1, Math.floor((bytesPerSecond * THROTTLE_STEP_MS) / 1000));
      const part = first.chunk.length <= allowed ? first.chunk : first.chunk.subarray(0, allowed);
      if (part.length === first.chunk.length) queue.shift();
      else first.chunk = first.chunk.subarray(part.length);
      queuedBytes -= part.length;
      count(part.length);
      if (!to.writable) break;
      if (!to.write(part)) await drained(to);
      if (bytesPerSecond !== Number.POSITIVE_INFINITY) await sleep((part.length / bytesPerSecond) * 1000);
      if (from.isPaused() && queuedBytes <= HELD_BACK_BYTES / 2 && mode === 'flowing') from.resume();
    }
    moving = false;
    if (ended && mode === 'flowing' && queue.length === 0 && to.writable) to.end();
  }

  return {
    hold() {
      mode = 'held';
      from.pause();
    },
    release() {
      mode = 'flowing';
      from.resume();
      move();
    },
    stop() {
      mode = 'stopped';
      queue.length = 0;
    },
  };
}

function drained(socket) {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
