/** The options that choose how records are shown, the same for `search`, `tail` and `dev`. */
import { type Command, Option } from 'commander';

export const FORMATS = ['pretty', 'json', 'ndjson', 'csv', 'raw', 'template'] as const;
export type FormatName = (typeof FORMATS)[number];

export interface ViewOptions {
  output?: FormatName;
  template?: string;
  fields?: string;
  hide?: string;
  timeZone?: string;
}

export function addViewOptions(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', "output format (default: 'pretty')").choices(FORMATS))
    .option(
      '--template <text>',
      "format of each record: '{time} {level} {message} {order.id}'; the names are time, ts, id, service, level, message, information and those of fields",
    )
    .option('--fields <names>', 'show only these fields of information, comma-separated: order.id,tookMs')
    .option('--hide <names>', 'do not show these fields, comma-separated')
    .option('--time-zone <name>', "time zone of times shown and typed: 'UTC', 'Europe/Berlin' (default: the system's)");
}
