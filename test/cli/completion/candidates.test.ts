/** What the command line of the real program can become, without a shell or a database. */
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { replyFor } from '../../../cli/completion/candidates.js';
import type { KnownNames } from '../../../cli/completion/known-names.js';
import { cursorIn } from '../../../cli/completion/position.js';
import { program } from '../../../cli/program.js';

const messages = { write: () => {}, report: () => {}, onClosed: () => {}, flushed: async () => {} };
const root = program(messages);

const known: KnownNames = {
  services: async () => ['shop', 'ship.ping', 'till', 'odd name', 'a"b', 'a,b', 'esc\x1b[2J', 'line\nfeed'],
  fieldNames: async () => ['order.id', 'order.total', 'tookMs', '"my field"', 'level', 'esc\x1b[2J'],
};

/** The words that the last of these can become. */
async function completed(...typed: string[]): Promise<string[] | string> {
  const current = typed.at(-1) ?? '';
  const reply = await replyFor(cursorIn(root, typed.slice(0, -1), current).position, current, known);
  return reply.type === 'candidates' ? reply.candidates.map(({ word }) => word) : reply.type;
}

const SERVICES = ['shop', 'ship.ping', 'till'];

/** Each command with its path: `[]`, `['search']`, `['services', 'list']`. */
function commandsOf(command: Command, path: string[] = []): [string[], Command][] {
  const visible = command.commands.filter((each) => each.name() !== '__complete');
  return [[path, command], ...visible.flatMap((each) => commandsOf(each, [...path, each.name()]))];
}

describe.each(commandsOf(root).map(([path, command]) => [path.join(' '), path, command] as const))(
  'loghive %s',
  (_name, path, command) => {
    const help = command.helpInformation();

    test('every option of its help is completed', async () => {
      const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, long]) => long!);
      expect(options).toContain('--help');
      expect(new Set(await completed(...path, '--'))).toEqual(new Set(options));
    });

    test('every command of its help is completed', async () => {
      const listed = help.split(/^Commands:$/m)[1] ?? '';
      const commands = [...listed.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name!);
      if (commands.length > 0) expect(await completed(...path, '')).toEqual(commands);
      else expect(command.commands).toEqual([]);
    });
  },
);

test.each<[string[], string[] | string]>([
  [['se'], ['search', 'services']],
  [['--he'], ['--help']],
  [['help', 'sea'], ['search']],
  [['help', 'search', ''], []],
  [['services', 'rem'], ['remove']],
  [
    ['migrate', ''],
    ['--database-url', '--schema', '--with-text-search', '--help'],
  ],
  [['search', '--hist'], ['--histogram']],
  [['search', '--count', '--coun'], []],
  [['search', '-'], expect.arrayContaining(['--since', '--no-pager'])],
  [
    ['search', '--', '-lev'],
    ['-level:', '-level>='],
  ],
  [
    ['tail', '-o', ''],
    ['pretty', 'json', 'ndjson', 'csv', 'raw', 'template'],
  ],
  [['tail', '-oj'], ['-ojson']],
  [['tail', '--output=n'], ['--output=ndjson']],
  [
    ['search', '--order', 'newest-'],
    ['newest-last', 'newest-first'],
  ],
  [['search', '--since', 'to'], ['today']],
  [['search', '--time-zone', 'Europe/Ber'], ['Europe/Berlin']],
  [
    ['search', '--fields', ''],
    ['order.id', 'order.total', 'tookMs', '"my field"', 'level'],
  ],
  [['search', '--hide=order.id,o'], ['--hide=order.id,order.total']],
  [['search', '--limit', ''], []],
  [['search', '--database-url', ''], []],
  [['consume', ''], SERVICES],
  [['consume', 'shop', 's'], ['ship.ping']],
  [['consume', '--config', ''], 'files'],
  [['dev', '--data='], 'directories'],
  [['dev', '--quiet', 't'], ['till']],
  [['dev', '--show', 'level:e'], ['level:error']],
  [
    ['services', 'remove', 's'],
    ['shop', 'ship.ping'],
  ],
  [['services', 'remove', 'shop', ''], expect.not.arrayContaining(SERVICES)],
  [['dead-letters', 'list', '--service', 't'], ['till']],
  [['dead-letters', 'list', '--level', 'c'], ['critical']],
  [['dead-letters', 'show', ''], []],
  [['status', '--consumer', 'http://a', 'http://b', ''], []],
  [['status', '--consumer', 'http://a', '-o', 'j'], ['json']],
  [['status', '--watch', '--output', 'j'], ['json']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['nothing', ''], []],
])('%j becomes %j', async (typed, words) => expect(await completed(...typed)).toEqual(words));

describe('in a query', () => {
  test.each<[string, string[]]>([
    ['lev', ['level:', 'level>=']],
    ['order.', ['order.id:', 'order.total:']],
    ['"my', ['"my field":']],
    ['information.l', ['information.level:']],
    ['information.order.t', ['information.order.total:']],
    ['level:', ['level:debug', 'level:info', 'level:warning', 'level:error', 'level:critical']],
    ['level>=w', ['level>=warning']],
    ['level:ERR', ['level:ERROR']],
    ['level:error,c', ['level:error,critical']],
    ['service:s', ['service:shop', 'service:ship.ping']],
    [
      'service:shop,',
      [
        'service:shop,ship.ping',
        'service:shop,till',
        'service:shop,"odd name"',
        'service:shop,"a\\"b"',
        'service:shop,"a,b"',
      ],
    ],
    ['service:"o', ['service:"odd name"']],
    ['service!=t', ['service!=till']],
    ['exists:took', ['exists:tookMs']],
    ['order.id:', []],
    ['refused -service:t', ['refused -service:till']],
    [
      'level:error (service:till or service:sh',
      ['level:error (service:till or service:shop', 'level:error (service:till or service:ship.ping'],
    ],
    ['message:"a (b" order.t', ['message:"a (b" order.total:']],
    ['/a', []],
  ])('%j becomes %j', async (query, words) => {
    expect(await completed('search', query)).toEqual(words);
    expect(await completed('tail', 'refused', query)).toEqual(words);
  });
});
