/** The shop's visitors: a few people who send real HTTP requests concurrently until `stop()`. */
import { setTimeout as pause } from 'node:timers/promises';

const PEOPLE = 6;
const SEARCHES = ['tea', 'cup', 'kettle', 'sencha', 'umbrella', 'pot'];
const WISHES = ['kettle', 'teapot', 'cup', 'sencha', 'assam', 'strainer', 'teapot'];

/** A quantile of the response times in milliseconds, e.g. `share` 0.99. */
export function quantile(tookMs, share) {
  const sorted = tookMs.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** @param shop the shop's address, http://… */
export function startVisitors(shop) {
  const answers = { count: 0, failed: 0, tookMs: [] };
  const checks = new Set();
  let open = true;

  async function ask(path, body) {
    const startedMs = performance.now();
    const options = body ? { method: 'POST', body: JSON.stringify(body) } : {};
    try {
      const response = await fetch(shop + path, options);
      return await response.json();
    } catch {
      answers.failed++;
      return {};
    } finally {
      answers.tookMs.push(performance.now() - startedMs);
      answers.count++;
      for (const check of checks) check();
    }
  }

  /** Searches, orders, and looks at the order, with pauses between the clicks. */
  async function person(first) {
    for (let n = first; open; n += PEOPLE) {
      await ask(`/products?q=${SEARCHES[n % SEARCHES.length]}`);
      await pause(60 + (n % 7) * 10);
      const card = String(4000 + n);
      const { order = 'none' } = await ask('/orders', { product: WISHES[n % WISHES.length], customer: `c${n}`, card });
      await pause(40 + (n % 5) * 10);
      await ask(`/orders/${order}`);
      await pause(60);
    }
  }

  const people = Array.from({ length: PEOPLE }, (_, n) => person(n));

  return {
    answers,
    /** Resolves when the shop has answered `requests` more requests. */
    async more(requests) {
      const wanted = answers.count + requests;
      await new Promise((resolve) => {
        const check = () => {
          if (answers.count < wanted) return;
          checks.delete(check);
          resolve();
        };
        checks.add(check);
      });
    },
    /** Resolves when every visitor has finished and all requests are answered. */
    async stop() {
      open = false;
      await Promise.all(people);
    },
  };
}
