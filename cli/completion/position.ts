/** Where in the command line the cursor is, as the program's commands and options define it. Pure. */
import type { Argument, Command, Option } from 'commander';

/** What the word at the cursor may be. */
export type Position =
  | { readonly type: 'command'; readonly commands: readonly Command[] }
  | { readonly type: 'option'; readonly options: readonly Option[] }
  | {
      readonly type: 'value';
      readonly of: Argument | Option;
      /** What the word begins with before the value: `--output=`, `-o`. */
      readonly prefix: string;
      /** Earlier values of the same argument. */
      readonly others: readonly string[];
    }
  | { readonly type: 'nothing' };

export interface Cursor {
  readonly position: Position;
  /** Options that were given before, by their long names, such as `--database-url`. */
  readonly given: ReadonlyMap<string, string | undefined>;
}

/**
 * @param words complete words before the cursor.
 * @param current the word at the cursor.
 */
export function cursorIn(program: Command, words: readonly string[], current: string): Cursor {
  let command = program;
  let isHelp = false;
  let onlyArguments = false;
  let pending: Option | undefined;
  const values: string[] = [];
  const given = new Map<string, string | undefined>();

  for (const word of words) {
    if (pending !== undefined && (pending.required || !word.startsWith('-'))) {
      given.set(nameOf(pending), word);
      if (!pending.variadic) pending = undefined;
      continue;
    }
    pending = undefined;
    if (!onlyArguments && word === '--') onlyArguments = true;
    else if (!onlyArguments && isOption(word)) {
      const found = findOption(command, word);
      if (found === undefined) continue;
      given.set(nameOf(found.option), found.value);
      if (found.value === undefined && takesValue(found.option)) pending = found.option;
    } else {
      const mayBeCommand = values.length === 0 && !isHelp;
      const next = mayBeCommand ? visibleCommands(command).find((each) => each.name() === word) : undefined;
      if (next === undefined) values.push(word);
      else if (word === 'help') isHelp = true;
      else command = next;
    }
  }

  const at = (position: Position): Cursor => ({ position, given });
  if (pending !== undefined && (pending.required || !current.startsWith('-'))) {
    return at({ type: 'value', of: pending, prefix: '', others: [] });
  }
  if (!onlyArguments && current.startsWith('-')) {
    const attached = findOption(command, current);
    if (attached?.value !== undefined) {
      const prefix = current.slice(0, current.length - attached.value.length);
      return at({ type: 'value', of: attached.option, prefix, others: [] });
    }
    return at({ type: 'option', options: optionsLeft(command, given) });
  }
  const commands = visibleCommands(command).filter((each) => !isHelp || each.name() !== 'help');
  if (commands.length > 0) {
    // Otherwise one was named that does not exist, or `help` has what it needs.
    return at(values.length === 0 ? { type: 'command', commands } : { type: 'nothing' });
  }
  const all = command.registeredArguments;
  const argument = all[values.length] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined);
  if (argument !== undefined) return at({ type: 'value', of: argument, prefix: '', others: values });
  // There is nothing else to type.
  if (current === '' && !onlyArguments) return at({ type: 'option', options: optionsLeft(command, given) });
  return at({ type: 'nothing' });
}

function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

/** `--name`, `--name=value`, `-n`, `-nvalue`. */
function findOption(command: Command, word: string): { option: Option; value: string | undefined } | undefined {
  const options = visibleOptions(command);
  const [, long, value] = /^(--[^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const option =
    long === undefined
      ? options.find((each) => each.short === word.slice(0, 2))
      : options.find((each) => each.long === long);
  if (option === undefined) return undefined;
  if (!takesValue(option)) return { option, value: undefined };
  return { option, value: long === undefined ? word.slice(2) || undefined : value };
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function optionsLeft(command: Command, given: ReadonlyMap<string, unknown>): Option[] {
  return visibleOptions(command).filter((option) => option.variadic || !given.has(nameOf(option)));
}

function nameOf({ long, short }: Option): string {
  return long ?? short ?? '';
}

function visibleOptions(command: Command): Option[] {
  return command.createHelp().visibleOptions(command);
}

function visibleCommands(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}
