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
  const passed = pass(program, words);
  return { position: positionAfter(passed, current), given: passed.given };
}

/** What the complete words mean. */
interface Passed {
  readonly command: Command;
  /** `help` was typed: the next word is a command. */
  readonly isHelp: boolean;
  /** After `--`. */
  readonly onlyArguments: boolean;
  /** An option whose value may be next. */
  readonly pending: { readonly option: Option; readonly isRequired: boolean } | undefined;
  /** Values of arguments. */
  readonly values: readonly string[];
  readonly given: ReadonlyMap<string, string | undefined>;
}

function pass(program: Command, words: readonly string[]): Passed {
  let command = program;
  let isHelp = false;
  let onlyArguments = false;
  let pending: Passed['pending'];
  const values: string[] = [];
  const given = new Map<string, string | undefined>();

  for (const word of words) {
    if (takesWord(pending, word)) {
      given.set(nameOf(pending.option), word);
      pending = pending.option.variadic ? { option: pending.option, isRequired: false } : undefined;
      continue;
    }
    pending = undefined;
    if (!onlyArguments && word === '--') onlyArguments = true;
    else if (!onlyArguments && isOption(word)) {
      const found = findOption(command, word);
      if (found === undefined) continue;
      const { option, value } = found;
      given.set(nameOf(option), value);
      if (value === undefined && takesValue(option)) pending = { option, isRequired: option.required };
    } else {
      const mayBeCommand = values.length === 0 && !isHelp;
      const next = mayBeCommand ? visibleCommands(command).find((each) => each.name() === word) : undefined;
      if (next === undefined) values.push(word);
      else if (word === 'help') isHelp = true;
      else command = next;
    }
  }
  return { command, isHelp, onlyArguments, pending, values, given };
}

function positionAfter(passed: Passed, current: string): Position {
  const { command, isHelp, onlyArguments, pending, values, given } = passed;
  if (takesWord(pending, current)) return { type: 'value', of: pending.option, prefix: '', others: [] };
  const options: Position = { type: 'option', options: optionsLeft(command, given) };
  if (!onlyArguments && current.startsWith('-')) {
    const { option, value } = findOption(command, current) ?? {};
    if (option === undefined || value === undefined) return options;
    return { type: 'value', of: option, prefix: current.slice(0, current.length - value.length), others: [] };
  }
  const commands = visibleCommands(command).filter((each) => !isHelp || each.name() !== 'help');
  if (commands.length > 0) {
    // Otherwise one was named that does not exist, or `help` has what it needs.
    return values.length === 0 ? { type: 'command', commands } : { type: 'nothing' };
  }
  const all = command.registeredArguments;
  const argument = all[values.length] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined);
  if (argument !== undefined) return { type: 'value', of: argument, prefix: '', others: values };
  // There is nothing else to type.
  return current === '' && !onlyArguments ? options : { type: 'nothing' };
}

function takesWord(pending: Passed['pending'], word: string): pending is NonNullable<Passed['pending']> {
  return pending !== undefined && (pending.isRequired || !isOption(word));
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
