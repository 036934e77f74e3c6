/** Follows a child process that writes lines of JSON: the latest line, and waiting for one that matches. */
import { startChild } from '../support/child.mjs';
import { sleep } from '../support/wait.mjs';

export function followChild(file, options) {
  const child = startChild(file, options);
  let latest = {};
  let ended = false;
  const flags = new Set();
  const followed = (async () => {
    for await (const line of child) {
      if (!line.startsWith('{')) continue;
      latest = JSON.parse(line);
      for (const [name, value] of Object.entries(latest)) if (value === true) flags.add(name);
    }
    ended = true;
    return child.exited;
  })();

  return {
    child,
    /** The latest line, parsed; {} before the first. */
    get latest() {
      return latest;
    },
    /** Whether a line with this flag was received. */
    has: (flag) => flags.has(flag),
    /** Resolves with the exit status when the child has exited and its last line was read. */
    ended: followed,
    /**
     * Resolves with the latest line when `holds` returns true for it. Rejects at the deadline, or when the child has
     * exited.
     */
    async until(what, holds, withinMs = 30_000) {
      const deadline = performance.now() + withinMs;
      while (!holds(latest)) {
        const over = performance.now() > deadline;
        if (ended || over) {
          const when = over ? `within ${withinMs} ms` : 'before it ended';
          throw new Error(`not ${when}: ${what}\n${tail(child)}`);
        }
        await sleep(5);
      }
      return latest;
    },
    /** The last lines of output, for a failed scenario. */
    tail: () => tail(child),
  };
}

function tail(child) {
  const isStatus = (line) => line.startsWith('{');
  const output = child.lines.filter((line) => !isStatus(line)).slice(-15);
  const last = child.lines.filter(isStatus).slice(-1);
  return [...output, ...last].map((line) => `    ${line.slice(0, 1500)}`).join('\n');
}
