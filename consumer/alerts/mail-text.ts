/** A letter as plain text. Pure. */
import type { Letter } from './letter.js';

const WIDTH = 76;

export function mailText(letter: Letter): string {
  const { badge, from, isNew, title, facts, rows, blocks, footer } = letter;
  const widest = Math.max(0, ...facts.map(([label]) => label.length));
  const parts = [
    `${badge}  ${from}${isNew ? '  (new)' : ''}\n\n${title}`,
    facts.map(([label, value]) => `${label.padEnd(widest)}  ${value}`).join('\n'),
    rows
      .map(({ level, service, title, records, last, isNew }) =>
        [`${records} x ${level} ${service}${isNew ? ' (new)' : ''}`, `    ${title}`, `    last ${last}`].join('\n'),
      )
      .join('\n\n'),
    ...blocks.map((block) => `${ruled(block.title)}\n\n${block.text}`),
    `-- \n${footer}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function ruled(title: string): string {
  return `${title} ${'-'.repeat(Math.max(3, WIDTH - title.length - 1))}`;
}
