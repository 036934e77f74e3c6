/** Prints the findings of `loghive doctor`, as they come: for people, or one JSON object a line. */
import { styleText } from 'node:util';
import { printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import type { Printer } from '../output.js';
import type { OutputFormat } from '../subcommand.js';
import type { Finding } from './verdict.js';

type Style = Parameters<typeof styleText>[0];

const MARKS: Readonly<Record<Finding['state'], readonly [mark: string, style: Style]>> = {
  ok: ['✓', 'green'],
  failed: ['✗', 'red'],
  note: ['·', 'cyan'],
  skipped: ['–', 'dim'],
};
const STEP_WIDTH = 14;

export interface Report {
  add(finding: Finding): Promise<void>;
  /** @returns whether nothing is wrong. */
  end(): Promise<boolean>;
}

export function createReport(printer: Printer, output: OutputFormat, color: boolean): Report {
  let section: string | undefined;
  let problems = 0;
  const paint = (style: Style, text: string) => (color ? styleText(style, text, { validateStream: false }) : text);

  return {
    async add(finding) {
      if (finding.state === 'failed') problems += 1;
      if (output === 'json') {
        await printer.json(finding);
        return;
      }
      if (finding.section !== section) {
        if (section !== undefined) await printer.line('');
        section = finding.section;
        await printer.line(paint('bold', printableLine(section)));
      }
      for (const line of linesOf(finding, paint)) await printer.line(line);
    },
    async end() {
      if (output === 'text') {
        await printer.line('');
        const sum = problems === 0 ? 'Nothing is wrong.' : `${counted(problems, 'problem')} found.`;
        await printer.line(paint(problems === 0 ? 'green' : 'red', sum));
      }
      return problems === 0;
    },
  };
}

/** Pure. */
export function linesOf(finding: Finding, paint: (style: Style, text: string) => string): string[] {
  const [mark, style] = MARKS[finding.state];
  const step = printableLine(finding.step).padEnd(STEP_WIDTH);
  const detail = printableLine(finding.detail);
  const line = `  ${paint(style, mark)} ${step}  ${finding.state === 'skipped' ? paint('dim', `skipped: ${detail}`) : detail}`;
  if (finding.state !== 'failed') return [line];
  return [line, `${' '.repeat(STEP_WIDTH + 6)}→ ${printableLine(finding.remedy)}`];
}
