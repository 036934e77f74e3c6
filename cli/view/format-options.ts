/** The checked options of a view. */
import { LoghiveError } from '../../src/errors.js';
import { type Environment, Expected } from '../../src/settings/option.js';
import { isTimeZone } from '../../src/time/time-zone.js';
import { checkedOption } from '../checked-option.js';
import { usesColor } from '../output.js';
import { systemTimeZone } from './local-time.js';
import type { FormatOptions } from './record-format.js';
import { parseTemplate } from './template.js';
import type { ViewOptions } from './view-options.js';

/**
 * @param owner the command, for error messages.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export function formatOptions(
  owner: string,
  options: ViewOptions,
  environment: Environment,
  stdout: { readonly isTTY?: boolean; readonly columns?: number },
): Omit<FormatOptions, 'isEndless'> {
  const { template, output = template === undefined ? 'pretty' : 'template' } = options;
  if ((output === 'template') !== (template !== undefined)) {
    const remedy = template === undefined ? "add --template '{time} {message}'" : 'remove one of them';
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${owner}: -o ${output} ${template === undefined ? 'needs a template' : 'and --template exclude each other'}: ${remedy}.`,
    );
  }
  return {
    name: output,
    color: output === 'pretty' && usesColor(stdout, environment),
    // A terminal of unknown size has 0 columns.
    columns: stdout.isTTY ? () => stdout.columns || undefined : undefined,
    isTerminal: stdout.isTTY === true,
    timeZone: timeZoneOf(owner, options.timeZone),
    template: template === undefined ? undefined : checkedOption(owner, 'template', template, parseTemplate),
    fields: options.fields === undefined ? undefined : checkedOption(owner, 'fields', options.fields, names),
    hide: options.hide === undefined ? undefined : checkedOption(owner, 'hide', options.hide, names),
  };
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function timeZoneOf(owner: string, text: string | undefined): string {
  if (text === undefined || text === 'local') return systemTimeZone();
  return checkedOption(owner, 'time-zone', text, (name) => {
    if (isTimeZone(name)) return name;
    throw new Expected("the name of a time zone, such as 'UTC' or 'Europe/Berlin', or 'local'");
  });
}

function names(text: string): string[] {
  const found = text.split(',').map((name) => name.trim());
  if (found.every((name) => name !== '')) return found;
  throw new Expected('names separated by commas, such as order.id,tookMs');
}
