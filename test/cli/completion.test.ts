/** Completion in real shells: a Tab in a pseudo-terminal, and what the command then receives. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { requireShell } from '../support/shells.mjs';
import { onEnd, useChild } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { program } from './run-loghive.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

// They may have to be installed first.
beforeAll(() => {
  for (const shell of SHELLS) requireShell(shell);
}, 300_000);

/** Creates the file `pwned` if a shell executes it. */
const COMMANDS = '$(touch pwned) `touch pwned` \'a\' "b" \\ ; * ~ {1,2}';
/** Changes the title of a terminal that obeys it, and adds candidates if a shell splits it. */
const CONTROLS = 'y\x1b]0;pwned\x07\ncandidates\ny\ttab';

const { store, url } = await newStore();
await store.saveServices(['shop']);
const information = JSON.stringify({ order: { id: 7 }, [COMMANDS]: 1, [CONTROLS]: 1 });
await write(
  store,
  itemList(3, (at) => ({ service: [COMMANDS, CONTROLS, 'billing'][at]!, information })),
);

/** How a user would write the line of a shell's start-up file. */
const SETUP: Readonly<Record<Shell, { start: string; line: string }>> = {
  bash: { start: 'bash --noprofile --norc -i', line: "PS1='rea''dy> '; source <(loghive completion bash)" },
  zsh: {
    start: 'zsh -f -i',
    line: "PS1='rea''dy> '; autoload -Uz compinit; compinit -u -D; source <(loghive completion zsh)",
  },
  fish: {
    start: 'fish --no-config --interactive',
    line: "function fish_prompt; echo -n 'rea''dy> '; end; loghive completion fish | source",
  },
};

/** A shell in which `loghive` completes, and otherwise prints its arguments. */
async function useShell(shell: Shell, databaseUrl: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-completion-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  writeFileSync(path.join(folder, 'a file.env'), '');
  mkdirSync(path.join(folder, 'the folder'));
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  const print = 'console.log("\\nreceived " + JSON.stringify(process.argv.slice(1)))';
  writeFileSync(
    path.join(bin, 'loghive'),
    `#!/bin/sh
case $1 in
  completion | __complete)
    echo "$@" >> '${folder}/calls'
    exec '${process.execPath}' '${program}' "$@"
    ;;
esac
exec '${process.execPath}' -e '${print}' -- "$@"
`,
    { mode: 0o755 },
  );
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: folder,
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    XDG_CONFIG_HOME: folder,
    XDG_DATA_HOME: folder,
    // bash would write the file when the terminal is closed.
    HISTFILE: '',
    LC_ALL: 'C.UTF-8',
    LOGHIVE_DATABASE_URL: databaseUrl,
  };
  // A Tab waits for the database for 700 ms only, which a busy machine may exceed: names are in the cache already.
  for (const typed of ['loghive consume ', 'loghive search ']) {
    const child = useChild(program, { args: ['__complete', shell, '--database-limit-ms=15000'], env, cwd: folder });
    child.stdin.end(typed);
    await child.exited;
  }
  const { start, line } = SETUP[shell];
  const terminal = useTerminal(`sh -c 'stty cols 200 rows 50; exec ${start}'`, { cwd: folder, env });
  await terminal.started;
  terminal.type(`${line}\r`);
  let from = 0;
  /** Waits for what is shown after all that was waited for before. */
  const showsNext = async (pattern: RegExp) => {
    const found = await eventually(
      () => {
        const rest = terminal.text().slice(from);
        const match = pattern.exec(rest);
        if (match === null) throw new Error(`it shows no ${pattern}, but:\n${rest}`);
        return match;
      },
      { withinMs: 30_000 },
    );
    from += found.index + found[0].length;
    return found;
  };
  await showsNext(/ready> /);
  return {
    /** Types keys, then Enter; returns the arguments that the command received. */
    async received(keys: string): Promise<unknown> {
      terminal.type(`${keys}\r`);
      const [, args] = await showsNext(/received (\[.*\])\n/);
      await showsNext(/ready> /);
      return JSON.parse(args!);
    },
    /** Types a word with several candidates and Tab, waits until the pattern is shown, and gives the line up. */
    async lists(typed: string, pattern: RegExp): Promise<void> {
      // bash lists them at the second Tab.
      terminal.type(shell === 'bash' ? `${typed}\t\t` : `${typed}\t`);
      await showsNext(pattern);
      terminal.type("\x15echo giv''en up\r");
      await showsNext(/given up\n/);
      await showsNext(/ready> /);
    },
    text: terminal.text,
    /** The arguments of each call for completion, which every user of the machine can see. */
    calls: () => readFileSync(path.join(folder, 'calls'), 'utf8'),
    wasExecuted: () => existsSync(path.join(folder, 'pwned')),
  };
}

describe.each(SHELLS)('in %s', (shell) => {
  test('a Tab completes commands, options, values and conditions', { timeout: 120_000 }, async () => {
    const { received, lists } = await useShell(shell, url);
    const tab = '\t';
    expect(await received(`loghive sea${tab}`)).toEqual(['search']);
    await lists(`loghive se`, /search.*services|services.*search/s);
    expect(await received(`loghive services re${tab}sh${tab}`)).toEqual(['services', 'remove', 'shop']);
    expect(await received(`loghive search --hist${tab}`)).toEqual(['search', '--histogram']);
    expect(await received(`loghive tail -o nd${tab}x`)).toEqual(['tail', '-o', 'ndjson', 'x']);
    expect(await received(`loghive tail --output=nd${tab}`)).toEqual(['tail', '--output=ndjson']);
    await lists(`loghive tail -o `, /pretty.*template/s);
    expect(await received(`loghive consume --config a${tab}`)).toEqual(['consume', '--config', 'a file.env']);
    expect(await received(`loghive dev --data th${tab}`)).toEqual([
      'dev',
      '--data',
      expect.stringMatching(/^the folder\/?$/),
    ]);
    expect(await received(`loghive consume sh${tab}bil${tab}`)).toEqual(['consume', 'shop', 'billing']);
  });

  test('a Tab completes the last condition of a query', { timeout: 120_000 }, async () => {
    const { received, lists } = await useShell(shell, url);
    const tab = '\t';
    expect(await received(`loghive search 'service:sh${tab}`)).toEqual(['search', 'service:shop']);
    expect(await received(`loghive search 'level>=w${tab}`)).toEqual(['search', 'level>=warning']);
    await lists(`loghive search 'level>=`, /debug.*critical|critical.*debug/s);
    expect(await received(`loghive search service:sh${tab}level:e${tab}`)).toEqual([
      'search',
      'service:shop',
      'level:error',
    ]);
    expect(await received(`loghive search 'order.${tab}7'`)).toEqual(['search', 'order.id:7']);
    expect(await received(`loghive search order.${tab}7`)).toEqual(['search', 'order.id:7']);
    expect(await received(`loghive search "level:error -service:billing,sh${tab}`)).toEqual([
      'search',
      'level:error -service:billing,shop',
    ]);
    expect(await received(`loghive dev --show 'level:warning (service:sh${tab}`)).toEqual([
      'dev',
      '--show',
      'level:warning (service:shop',
    ]);
  });

  test('a name cannot make the shell or the terminal do anything', { timeout: 120_000 }, async () => {
    const { received, lists, text, wasExecuted } = await useShell(shell, url);
    const tab = '\t';
    const written = JSON.stringify(COMMANDS);
    expect(await received(`loghive search 'service:"$${tab}`)).toEqual(['search', `service:${written}`]);
    expect(await received(`loghive search service:\\"\\$${tab}`)).toEqual(['search', `service:${written}`]);
    expect(await received(`loghive search "service:\\"\\$${tab}`)).toEqual(['search', `service:${written}`]);
    expect(await received(`loghive search 'exists:"$${tab}`)).toEqual(['search', `exists:${written}`]);
    await lists(`loghive search 'service:`, /billing.*shop|shop.*billing/s);
    await lists(`loghive search '`, /level.*service|service.*level/s);
    // Not offered at all.
    expect(await received(`loghive search 'service:y${tab}'`)).toEqual(['search', 'service:y']);
    expect(text()).not.toContain(']0;pwned');
    expect(wasExecuted()).toBe(false);
  });

  test('a Tab without a database completes what needs none', { timeout: 120_000 }, async () => {
    const { received, text, calls } = await useShell(shell, 'postgres://u:s3cret@127.0.0.1:1/x');
    const tab = '\t';
    expect(await received(`loghive search 'service:sh${tab}'`)).toEqual(['search', 'service:sh']);
    expect(await received(`loghive search 'level>=w${tab}`)).toEqual(['search', 'level>=warning']);
    expect(text()).not.toMatch(/s3cret|loghive:/);
    const typed = 'postgres://u:typed@127.0.0.1:1/x';
    expect(await received(`loghive tail --database-url ${typed} -o nd${tab}`)).toEqual([
      ...['tail', '--database-url', typed, '-o', 'ndjson'],
    ]);
    expect(calls()).not.toMatch(/s3cret|typed/);
  });
});
