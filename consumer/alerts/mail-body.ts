/**
 * Renders an alert message as HTML and as plain text. Everything from a record is escaped; nothing is loaded from
 * elsewhere, and there are no links. Colors have a light and a dark variant; mail clients that ignore the style sheet
 * show the light one. Pure.
 */
import type { AlertMessage, DigestRow, Tone } from './message.js';

/** Color of the badge and the top border. */
const TONES: Readonly<Record<Tone, string>> = {
  error: '#c62828',
  critical: '#8e1b3a',
  digest: '#3f5872',
  condition: '#a65a00',
  recovered: '#2b7a3d',
  test: '#3f5872',
};

const SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace";

const STYLE = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page{background:#15181c!important}
.card{background:#1e2227!important;border-left-color:#343a41!important;border-right-color:#343a41!important;border-bottom-color:#343a41!important}
.ink{color:#e7eaee!important}
.soft{color:#9aa4af!important}
.line{border-color:#343a41!important}
.code{background:#15181c!important;border-color:#343a41!important;color:#dfe3e8!important}
.new{color:#7fb2f0!important;border-color:#4b78ad!important}
.bad{color:#f28b82!important}
.worst{color:#f48fb1!important}
}
@media (max-width:480px){.pad{padding-left:14px!important;padding-right:14px!important}}`;

export function mailHtml(message: AlertMessage): string {
  const { tone, badge, from, isNew, title, facts, rows, blocks, footer, subject } = message;
  const color = TONES[tone];
  const cells = [
    `<tr><td class="pad" style="padding:18px 22px 0">${badgeHtml(badge, color)}<span class="ink" style="font-size:15px;font-weight:600;color:#1c2126;padding-left:10px">${escaped(from)}</span>${isNew ? NEW : ''}</td></tr>`,
    `<tr><td class="pad ink" style="padding:12px 22px 0;font-size:17px;line-height:1.4;font-weight:600;color:#1c2126;word-break:break-word;overflow-wrap:anywhere">${escaped(title)}</td></tr>`,
    facts.length === 0 ? '' : `<tr><td class="pad" style="padding:12px 22px 0">${factsHtml(facts)}</td></tr>`,
    rows.length === 0 ? '' : `<tr><td class="pad" style="padding:14px 22px 0">${rowsHtml(rows)}</td></tr>`,
    ...blocks.map(
      (block) =>
        `<tr><td class="pad" style="padding:16px 22px 0"><div class="soft" style="font-size:12px;color:#66717c;padding-bottom:5px">${escaped(block.title)}</div><pre class="code" style="margin:0;padding:10px 12px;background:#f4f6f8;border:1px solid #dfe4e9;border-radius:5px;color:#24292f;font:12px/1.5 ${MONO};white-space:pre-wrap;word-break:break-word;overflow-wrap:anywhere">${escaped(block.text)}</pre></td></tr>`,
    ),
    `<tr><td class="pad soft" style="padding:16px 22px 18px;font-size:12px;line-height:1.5;color:#66717c">${escaped(footer)}</td></tr>`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no"><title>${escaped(subject)}</title><style>${STYLE}</style></head>
<body class="page" style="margin:0;padding:0;background:#eef1f4;font-family:${SANS};-webkit-text-size-adjust:100%">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#eef1f4"><tr><td align="center" style="padding:20px 10px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:680px;background:#ffffff;border:1px solid #dfe4e9;border-top:4px solid ${color};border-radius:6px;text-align:left;table-layout:fixed;font-family:${SANS}">
${cells.filter((cell) => cell !== '').join('\n')}
</table></td></tr></table></body></html>
`;
}

const NEW =
  '<span class="new" style="display:inline-block;margin-left:10px;padding:1px 7px;border:1px solid #9cc0ea;border-radius:10px;font-size:11px;line-height:16px;color:#1d5fae">new</span>';

function badgeHtml(text: string, color: string): string {
  return `<span style="display:inline-block;background:${color};color:#ffffff;font-size:11px;line-height:18px;font-weight:700;letter-spacing:.5px;padding:1px 8px;border-radius:4px">${escaped(text)}</span>`;
}

function factsHtml(facts: AlertMessage['facts']): string {
  const lines = facts.map(
    ([label, value]) =>
      `<tr><td class="soft" style="padding:2px 16px 2px 0;color:#66717c;white-space:nowrap;vertical-align:top">${escaped(label)}</td><td class="ink" style="padding:2px 0;color:#1c2126;word-break:break-word">${escaped(value)}</td></tr>`,
  );
  return `<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="font-size:13px;line-height:1.5">${lines.join('')}</table>`;
}

function rowsHtml(rows: readonly DigestRow[]): string {
  const lines = rows.map(({ level, service, title, records, last, isNew }) => {
    const count = `<td class="line ink" width="84" style="padding:9px 12px 9px 0;border-top:1px solid #e5e9ed;text-align:right;vertical-align:top;font-size:15px;font-weight:600;color:#1c2126;white-space:nowrap">${escaped(records)}</td>`;
    const what = `<div style="font-size:12px"><span class="${level === 'CRITICAL' ? 'worst' : 'bad'}" style="font-weight:700;color:${level === 'CRITICAL' ? TONES.critical : TONES.error}">${escaped(level)}</span> <span class="ink" style="color:#1c2126;font-weight:600">${escaped(service)}</span>${isNew ? NEW : ''}</div><div class="ink" style="font-size:14px;line-height:1.4;color:#1c2126;word-break:break-word;overflow-wrap:anywhere">${escaped(title)}</div><div class="soft" style="font-size:12px;color:#66717c">last ${escaped(last)}</div>`;
    return `<tr>${count}<td class="line" style="padding:9px 0;border-top:1px solid #e5e9ed;vertical-align:top">${what}</td></tr>`;
  });
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="table-layout:fixed">${lines.join('')}</table>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (unit) => ESCAPES[unit] as string);
}

const WIDTH = 76;

export function mailText(message: AlertMessage): string {
  const { badge, from, isNew, title, facts, rows, blocks, footer } = message;
  const widest = Math.max(0, ...facts.map(([label]) => label.length));
  const parts = [
    `${badge}  ${from}${isNew ? '  (new)' : ''}\n\n${title}`,
    facts.map(([label, value]) => `${label.padEnd(widest)}  ${value}`).join('\n'),
    rows
      .map(({ level, service, title, records, last, isNew }) =>
        [`${records} x ${level} ${service}${isNew ? ' (new)' : ''}`, `    ${title}`, `    last ${last}`].join('\n'),
      )
      .join('\n\n'),
    ...blocks.map((block) => `${heading(block.title)}\n\n${block.text}`),
    `-- \n${footer}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function heading(title: string): string {
  return `${title} ${'-'.repeat(Math.max(3, WIDTH - title.length - 1))}`;
}
