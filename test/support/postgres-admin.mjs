import pg from 'pg';

/** Administration of a running server as its superuser. Another process only needs `url` for it. */
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
    // If the server is killed during a query, the query rejects; this additional error event must not be unhandled.
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
