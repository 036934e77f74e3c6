import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { bashContinuation, parseShellLine, type Shell } from '../../../cli/completion/shell-line.js';

const wordsOf = (line: string, shell: Shell = 'bash') => {
  const parsed = parseShellLine(shell, line);
  return parsed && [...parsed.words, parsed.current.text];
};

test.each([
  ['loghive ', ['']],
  ['loghive se', ['se']],
  ['loghive search ', ['search', '']],
  ['loghive  search   level:error', ['search', 'level:error']],
  ["loghive search 'service:sh", ['search', 'service:sh']],
  ["loghive search 'a b' \"c $d", ['search', 'a b', 'c $d']],
  ["loghive search 'it'\\''s' x", ['search', "it's", 'x']],
  ['loghive search a\\ b', ['search', 'a b']],
  ['loghive search "a\\"b\\x', ['search', 'a"b\\x']],
  ['loghive search "" ', ['search', '', '']],
  ['loghive search \\\n  level', ['search', 'level']],
  ['./node_modules/.bin/loghive tail -o ', ['tail', '-o', '']],
  ['FOO=1 command loghive tail x', ['tail', 'x']],
  ['lh tail x', ['tail', 'x']],
  ['loghive tail > out.txt -o j', ['tail', '-o', 'j']],
])('the words of %j', (line, words) => expect(wordsOf(line)).toEqual(words));

test.each(['loghive tail > out', 'loghive tail 2>', 'loghive search level>=w', 'logh', ''])(
  'at the end of %j, no argument is typed',
  (line) => expect(parseShellLine('bash', line)).toBeUndefined(),
);

test('in fish, a backslash in single quotes escapes quotes', () => {
  expect(wordsOf("loghive search 'it\\'s a", 'fish')).toEqual(['search', "it's a"]);
  expect(wordsOf("loghive search 'it\\'s a", 'bash')).toEqual(['search', 'it\\s', 'a']);
});

const BREAKS = ' \t\n"\'@><=;|&(:';

test.each([
  ['loghive search service:sh', 'sh'],
  ["loghive search 'service:sh", 'service:sh'],
  ["loghive search service:'a:b", 'a:b'],
  ["loghive search 'a:b'c", "'a:b'c"],
  ["loghive search x:'a:b'c", "'a:b'c"],
  ['loghive tail --output=js', 'js'],
  ["loghive tail 'a:b' js", 'js'],
  ['loghive search service\\:sh', 'service\\:sh'],
])('in bash, %j is continued from %j on', (line, rest) => {
  const { current } = parseShellLine('bash', line, BREAKS)!;
  expect(current.raw.slice(current.breakAt)).toBe(rest);
});

const HOSTILE = 'a b $(touch x) `touch x` ; \'q\' "d" \\ * ~ #c | & < > {1,2} $HOME é';

test.each([
  [undefined, ''],
  ["'", "'"],
  ['"', '"'],
] as const)('bash reads a continuation after %s as it was meant', (quote, close) => {
  const written = `${close}${bashContinuation(HOSTILE, quote)}${close}`;
  const read = execFileSync('bash', ['-c', `printf %s ${written}`], { encoding: 'utf8', cwd: '/' });
  expect(read).toBe(HOSTILE);
});

test('an exclamation mark is not completed in double quotes, where history expansion would read it', () => {
  expect(bashContinuation('a!b', '"')).toBeUndefined();
  expect(bashContinuation('a!b', undefined)).toBe('a\\!b');
});
