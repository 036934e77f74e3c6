/** A store on a database of the shared PostgreSQL, and records to store. */
import pg from 'pg';
import { expect } from 'vitest';
import {
  type Batch,
  type BatchOutcome,
  type DeadLetter,
  openStore,
  type StorageUnavailable,
  type Store,
  type StoreConfig,
  type StoreItem,
} from '../../../consumer/store/index.js';
import { LoghiveError } from '../../../src/errors.js';
import type { StoredRecord } from '../../../src/record.js';
import { uuidv7 } from '../../../src/uuid.js';
import { onEnd, useDatabase } from '../../support/use-servers.js';

export interface TestStore {
  readonly store: Store;
  readonly url: string;
  /** The database's name. */
  readonly name: string;
  readonly notices: string[];
  /** Runs a query as superuser on a separate connection. */
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the query selects
  sql(text: string, values?: unknown[]): Promise<any[]>;
}

export function testConfig(databaseUrl: string, changes: Partial<StoreConfig> = {}): StoreConfig {
  return {
    databaseUrl,
    schema: 'logs',
    statementTimeoutMs: 10_000,
    writeTimeoutMs: 20_000,
    connectTimeoutMs: 5000,
    notice: () => undefined,
    ...changes,
  };
}

/** A store that is closed after the test. */
export function storeOn(databaseUrl: string, changes: Partial<StoreConfig> = {}, now?: () => number): Store {
  const store = openStore(testConfig(databaseUrl, changes), now);
  onEnd(() => store.close());
  return store;
}

/** On a new, migrated database. */
export async function newStore(changes: Partial<StoreConfig> = {}, now?: () => number): Promise<TestStore> {
  const { url, name, query } = await useDatabase();
  const notices: string[] = [];
  const store = storeOn(url, { notice: (text) => notices.push(text), ...changes }, now);
  await store.migrate();
  return { store, url, name, notices, sql: query };
}

/** A connection of the test, closed after the test. */
export async function openClient(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onEnd(() => client.end().catch(() => undefined));
  return client;
}

/** The URL with another user. */
export function urlAs(url: string, user: string, password: string): string {
  const own = new URL(url);
  own.username = user;
  own.password = password;
  return own.href;
}

let made = 0;

export function item(changes: Partial<StoredRecord> = {}): StoreItem {
  made += 1;
  const micros = Date.now() * 1000 + (made % 1000);
  const record: StoredRecord = {
    id: uuidv7(micros),
    timestamp: new Date(Math.floor(micros / 1000)).toISOString(),
    service: 'shop',
    level: 'INFO',
    message: `message ${made}`,
    information: '{"order":7}',
    ...changes,
  };
  return { record, raw: Buffer.from(JSON.stringify(record)) };
}

export function itemList(count: number, changes: (index: number) => Partial<StoredRecord> = () => ({})): StoreItem[] {
  return Array.from({ length: count }, (_, index) => item(changes(index)));
}

/** Writes records. Rejected ones get no dead letter, unless `more` provides it. */
export function write(store: Store, items: readonly StoreItem[], more: Partial<Batch> = {}): Promise<BatchOutcome> {
  return store.write({ items, letters: [], letterOf: () => undefined, retried: false, ...more });
}

export async function writeLetters(store: Store, letters: readonly DeadLetter[]): Promise<void> {
  await write(store, [], { letters });
}

/** Waits for the error that pauses the consumer. */
export async function unavailable(promise: Promise<unknown>): Promise<StorageUnavailable> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LoghiveError);
  expect((error as LoghiveError).code).toBe('LOGHIVE_STORAGE_UNAVAILABLE');
  return error as StorageUnavailable;
}
