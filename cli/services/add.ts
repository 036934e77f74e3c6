/** `loghive services add NAME…`. */
import type { Administration } from '../../consumer/store/index.js';
import { openPrinter } from '../print.js';

export async function addServices({ services }: Administration, names: readonly string[]): Promise<void> {
  const added = new Set(await services.add(names));
  const printer = openPrinter();
  for (const name of new Set(names)) {
    await printer.line(added.has(name) ? `added ${name}.` : `${name} was there already.`);
  }
}
