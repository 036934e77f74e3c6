import pg from 'pg';

/** What tests do to a running server as its superuser. `url` is all that another process needs for it. */
export function administer({ url }) {
  function databaseUrl(name, { user, password } = {}) {
    const target = new URL(url);
    target.pathname = `/${encodeURIComponent(name)}`;
    if (user !== undefined) target.username = encodeURIComponent(user);
    if (password !== undefined) target.password = encodeURIComponent(password);
    return target.href;
  }

  async function query(sql, params, database) {
    const client = new pg.Client({ connectionString: database === undefined ? url : databaseUrl(database) });
    // A server that is killed while it answers ends the query with an error of its own; this one comes on top.
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql, params)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  return {
    databaseUrl,
    query,
    async createDatabase(name) {
      await query(`create database ${pg.escapeIdentifier(name)}`);
      return databaseUrl(name);
    },
    async dropDatabase(name) {
      await query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    },
  };
}
