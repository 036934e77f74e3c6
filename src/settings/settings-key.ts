/** Compares resolved settings. Pure, except that it numbers the functions it has seen. */

/** On a registered symbol, so that the import and the require copy of this package share the numbers. */
const KEY = Symbol.for('loghive.functions.1');
const holder = globalThis as { [KEY]?: { readonly numbers: WeakMap<object, number>; next: number } };

/** The settings as text: equal for equal settings. Functions are compared by identity. */
export function settingsKey(settings: unknown): string {
  return JSON.stringify(settings, (_name, value: unknown) =>
    typeof value === 'function' ? `function ${numberOf(value)}` : value,
  );
}

function numberOf(value: object): number {
  holder[KEY] ??= { numbers: new WeakMap(), next: 0 };
  const known = holder[KEY];
  const number = known.numbers.get(value) ?? known.next++;
  known.numbers.set(value, number);
  return number;
}
