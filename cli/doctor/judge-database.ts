/** Judges what `Inspection` found in the database. Pure. */
import {
  MAX_COUNTED,
  type PartitionFacts,
  type Pooling,
  type PrivilegeFacts,
  type SchemaFacts,
  type ServerFacts,
} from '../../consumer/store/index.js';
import { counted } from '../../src/sentence.js';
import { failed, failedBecause, namesOf, note, ok, type Verdict } from './verdict.js';

/** As `server_version_num`. */
const OLDEST_VERSION = 150_000;

export function judgeServer({ version, versionNumber, encoding, user, database }: ServerFacts): Verdict[] {
  const verdicts: Verdict[] = [];
  if (versionNumber < OLDEST_VERSION) {
    verdicts.push(failed(`PostgreSQL ${version} is not supported`, 'Upgrade to PostgreSQL 15 or newer.'));
  } else verdicts.push(ok(`PostgreSQL ${version}, user ${user}, database ${database}`));
  if (encoding !== 'UTF8') {
    verdicts.push(
      failed(
        `database ${database} uses encoding ${encoding}: records that it cannot represent become dead letters`,
        'Create a database with encoding UTF8.',
      ),
    );
  }
  return verdicts;
}

export function judgePooling(pooling: Pooling): Verdict {
  switch (pooling) {
    case 'none':
      return ok('none: connected to the server itself');
    case 'session':
      return ok('a pooler in session mode: each connection of Loghive occupies one of its server connections');
    case 'transaction':
      return ok('a pooler in transaction mode: supported, because Loghive sets nothing for a session');
    case 'statement':
      return failed(
        'a pooler in statement mode, which allows no transactions',
        'Set its pool_mode to transaction or session.',
      );
  }
}

interface Where {
  readonly schema: string;
  readonly user: string;
  readonly database: string;
}

const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

export function judgeSchema(facts: SchemaFacts, { schema, user, database }: Where): Verdict {
  if (!facts.exists) {
    const grant = `GRANT CREATE ON DATABASE ${quoted(database)} TO ${quoted(user)}; then run`;
    return failed(
      `database ${database} has no tables of Loghive in schema ${schema}`,
      `${facts.mayCreate ? 'Run' : grant} loghive migrate, or start loghive consume, which does the same.`,
    );
  }
  if (facts.isHidden) {
    return failed(
      `user ${user} may not read which migrations of schema ${schema} are applied`,
      grantText(schema, user, ['select'], ['migrations']),
    );
  }
  if (facts.changed.length > 0) {
    return failed(
      `${namesOf(facts.changed)} of schema ${schema} was applied with other content than this version contains`,
      'Install the version of Loghive that applied it.',
    );
  }
  if (facts.pending.length > 0) {
    return failed(`schema ${schema} is old: ${namesOf(facts.pending)} is not applied`, 'Run loghive migrate.');
  }
  if (facts.unknown.length > 0) {
    return note(`schema ${schema} was migrated by a newer version of Loghive (${namesOf(facts.unknown)})`);
  }
  return ok(`schema ${schema} is up to date`);
}

function grantText(schema: string, user: string, privileges: readonly string[], tables: readonly string[]): string {
  const names = tables.map((table) => `${quoted(schema)}.${table}`).join(', ');
  return `Run as the owner: GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${quoted(user)}; GRANT ${privileges.join(', ').toUpperCase()} ON ${names} TO ${quoted(user)};`;
}

/** What a consumer needs; see docs/database-rights.md. It only reads which migrations are applied. */
const NEEDED = ['select', 'insert'] as const;
const READ_ONLY = 'migrations';

export function judgePrivileges(
  { usage, tables, isOwner }: PrivilegeFacts,
  { schema, user }: Where,
  hasRetention: boolean,
): Verdict[] {
  const lacking = [...tables].filter(
    ([name, granted]) => name !== READ_ONLY && NEEDED.some((privilege) => !granted.has(privilege)),
  );
  if (!usage || lacking.length > 0) {
    const names = lacking.map(([name]) => name);
    const what = names.length > 0 ? `select and insert on ${namesOf(names)}` : 'usage';
    return [
      failed(
        `user ${user} lacks privileges in schema ${schema}: ${what}`,
        grantText(schema, user, NEEDED, names.length > 0 ? names : [...tables.keys()]),
      ),
    ];
  }
  if (isOwner) return [ok(`user ${user} owns the tables`)];
  const effect = hasRetention ? 'add partitions, nor drop those that RETENTION_DAYS asks for' : 'add partitions';
  const remedy = `As a superuser, grant the owner of ${schema}.records to ${user}.`;
  const detail = `user ${user} may store records, but not ${effect}: only the owner of the tables may`;
  return [hasRetention ? failed(detail, remedy) : note(detail)];
}

/** @param refusal why the tables refuse what batches contain. */
export function judgeStoring(refusal: string | undefined): Verdict {
  if (refusal === undefined) return ok('a record, a dead letter and a service were accepted, and rolled back');
  return failedBecause(refusal, 'See the log of PostgreSQL.');
}

export function judgePartitions({ isPartitioned, tomorrow, hasTomorrow }: PartitionFacts): Verdict {
  if (!isPartitioned) return note('the table of records is not partitioned by Loghive');
  if (hasTomorrow) return ok(`there is a partition for tomorrow (${tomorrow})`);
  return failed(
    `there is no partition for tomorrow (${tomorrow})`,
    'A running consumer makes partitions a week ahead: start one, or read in its log why it cannot (usually it does not own the table, or another session locks it).',
  );
}

export function judgeDefaultPartition({ defaultRows }: PartitionFacts): Verdict {
  if (defaultRows === undefined) return note('unknown: the user may read the default partition only through the table');
  const { all, misplaced } = defaultRows;
  const count = (rows: number) => (rows >= MAX_COUNTED ? `at least ${MAX_COUNTED} rows` : counted(rows, 'row'));
  if (misplaced > 0) {
    return failed(
      `the default partition holds ${count(misplaced)} of the last 30 days, which should have partitions of their own`,
      'Read in the log of the consumer why it cannot make them, and see docs/default-partition.md.',
    );
  }
  if (all === 0) return ok('empty');
  return ok(`${count(all)}, older than 30 days or more than a day ahead`);
}
