/** The shop's visitors: real HTTP requests, a few people at a time, until they are told to leave. */
import { setTimeout as pause } from 'node:timers/promises';

const PEOPLE = 6;
const SEARCHES = ['tea', 'cup', 'kettle', 'sencha', 'umbrella', 'pot'];
const WISHES = ['kettle', 'teapot', 'cup', 'sencha', 'assam', 'strainer', 'teapot'];

/** How long an answer took, in milliseconds: `share` of all answers came at least so fast. */
export function quantile(tookMs, share) {
  const sorted = tookMs.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** @param shop the shop's address, http://… */
export function letVisitorsIn(shop) {
  const answers = { count: 0, failed: 0, tookMs: [] };
  const waiting = new Set();
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
      for (const look of waiting) look();
    }
  }

  /** Searches, orders, and looks at the order; a person between two clicks takes a moment. */
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
    /** Resolves when the shop has answered so many requests from now on. */
    async more(requests) {
      const wanted = answers.count + requests;
      await new Promise((resolve) => {
        const look = () => {
          if (answers.count < wanted) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    },
    /** Resolves when the last one has left. */
    async leave() {
      open = false;
      await Promise.all(people);
    },
  };
}
