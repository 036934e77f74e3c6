/** Records that PostgreSQL refuses, by triggers. */
import { itemList, newStore, type TestStore, write } from './database.js';

/** A trigger that does something to records with the message 'poison'. */
export function poison(what: string, timing = 'before insert on logs.records for each row'): string {
  return `create function logs.poison() returns trigger language plpgsql as $$
    begin if new.message = 'poison' then ${what}; end if; return new; end $$;
    create ${timing.includes('deferrable') ? 'constraint ' : ''}trigger poison ${timing} execute function logs.poison()`;
}

export const raise = (code: string) => `raise exception 'it is said to be %', '${code}' using errcode = '${code}'`;

/** For a store with this schema. Sequences keep counting when a transaction is rolled back. */
export async function storeWith(sql: string, changes: Parameters<typeof newStore>[0] = {}): Promise<TestStore> {
  const made = await newStore(changes);
  await write(made.store, itemList(1));
  await made.sql(`truncate logs.records; create sequence logs.tries; ${sql}`);
  return made;
}

/** Number of increments of `logs.tries`. */
export const tries = async ({ sql }: TestStore) => (await sql('select last_value::int as n from logs.tries'))[0].n;
