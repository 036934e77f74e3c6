import { describe, expect, it } from 'vitest';
import { parseDatabaseUrl } from '../../../consumer/store/database-url.js';
import { LoghiveError } from '../../../src/errors.js';
import { maskUrl } from '../../../src/settings/mask-url.js';

describe('a database URL', () => {
  it('is parsed with its defaults', () => {
    expect(parseDatabaseUrl('postgres://h')).toEqual({
      hosts: [{ host: 'h', port: 5432 }],
      sslMode: 'prefer',
      directTls: false,
      requireChannelBinding: false,
      sessionAttrs: 'read-write',
    });
  });

  it('is parsed completely', () => {
    expect(
      parseDatabaseUrl(
        'postgresql://u%40x:p%3A%2F%40%3F%23%25@one:5433,two,[::1]:5434/my%2Fdb?sslmode=verify-full&sslrootcert=%2Fca.pem&sslcert=/c.pem&sslkey=/k.pem&sslpassword=s&connect_timeout=3&application_name=a%20b&options=-c%20x%3D1&target_session_attrs=any&channel_binding=require&sslnegotiation=direct',
      ),
    ).toEqual({
      hosts: [
        { host: 'one', port: 5433 },
        { host: 'two', port: 5432 },
        { host: '::1', port: 5434 },
      ],
      user: 'u@x',
      password: 'p:/@?#%',
      database: 'my/db',
      sslMode: 'verify-full',
      sslRootCert: '/ca.pem',
      sslCert: '/c.pem',
      sslKey: '/k.pem',
      sslPassword: 's',
      connectTimeoutMs: 3000,
      applicationName: 'a b',
      options: '-c x=1',
      sessionAttrs: 'any',
      requireChannelBinding: true,
      directTls: true,
    });
  });

  it.each([
    ['postgres:///db?host=/var/run/postgresql', [{ host: '/var/run/postgresql', port: 5432 }]],
    ['postgres://%2Fvar%2Frun%2Fpostgresql:5433/db', [{ host: '/var/run/postgresql', port: 5433 }]],
    ['postgres:///db', [{ host: 'localhost', port: 5432 }]],
    ['postgres://:5433/db', [{ host: 'localhost', port: 5433 }]],
    [
      'postgres:///db?host=a,b&port=1,2',
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    ],
    [
      'postgres://a,b/db?port=7',
      [
        { host: 'a', port: 7 },
        { host: 'b', port: 7 },
      ],
    ],
  ])('%s names the hosts', (url, hosts) => {
    expect(parseDatabaseUrl(url).hosts).toEqual(hosts);
  });

  it('may have user, password and database as parameters', () => {
    const target = parseDatabaseUrl('postgres://h?user=u&password=p%26q&dbname=d');
    expect(target).toMatchObject({ user: 'u', password: 'p&q', database: 'd' });
  });

  it('may name a password file with any path, like the URL that dev prints', () => {
    const target = parseDatabaseUrl('postgres://loghive@127.0.0.1:10432/loghive?passfile=/home/m%20e/%C3%A4%26/pgpass');
    expect(target).toMatchObject({ user: 'loghive', passFile: '/home/m e/ä&/pgpass' });
    expect(target.password).toBeUndefined();
  });

  it('accepts a password with an unencoded @', () => {
    expect(parseDatabaseUrl('postgres://u:p@ss@h/db')).toMatchObject({ password: 'p@ss', hosts: [{ host: 'h' }] });
  });

  it.each([
    ['ssl=true', 'require'],
    ['sslmode=disable', 'disable'],
    ['sslrootcert=system', 'verify-full'],
  ])('%s means sslmode %s', (query, sslMode) => {
    expect(parseDatabaseUrl(`postgres://h/db?${query}`).sslMode).toBe(sslMode);
  });

  it.each(['keepalives=1', 'gssencmode=disable', 'client_encoding=UTF8', 'fallback_application_name=x'])(
    'passes over %s',
    (query) => {
      expect(parseDatabaseUrl(`postgres://h/db?${query}`)).toEqual(parseDatabaseUrl('postgres://h/db'));
    },
  );

  it.each([
    ['mysql://u:secret@h/db', /expected postgres:/],
    ['host=h password=secret', /expected postgres:/],
    ['', /expected postgres:/],
    ['postgres://u:secret@h:0/db', /port/],
    ['postgres://u:secret@h:99999/db', /port/],
    ['postgres://u:secret@h:x/db', /port/],
    ['postgres://u:sec/ret@h/db', /percent-encoded/],
    ['postgres://u:1/secret@h', /percent-encoded/],
    ['postgres://u:x:sec/ret@h', /percent-encoded/],
    ['postgres://u:secret@fe80::1/db', /brackets/],
    ['postgres://u:secret%@h/db', /%25/],
    ['postgres://u:secret%00@h/db', /%00/],
    ['postgres://u:secret@h/a/b', /%2F/],
    ['postgres://u:secret@h/db?sslmode=on', /sslmode.*verify-full/],
    ['postgres://u:secret@h/db?ssl_mode=verify-full', /unknown parameter "ssl_mode"/],
    ['postgres://u:secret@h/db?schema=public', /unknown parameter "schema"/],
    ['postgres://u:secret@h/db?sslmode', /"sslmode" has no value/],
    ['postgres://u:secret@h/db?sslrootcert=', /"sslrootcert" has no value/],
    ['postgres://u:secret@h/db?connect_timeout=soon', /connect_timeout.*integer/],
    ['postgres://u:secret@h/db?target_session_attrs=standby', /must be written/],
    ['postgres://u:secret@h/db?target_session_attrs=best', /read-write/],
    ['postgres://u:secret@h/db?sslrootcert=system&sslmode=require', /verify-full/],
    ['postgres://u:secret@h/db?sslcert=/c.pem', /sslkey/],
    ['postgres://u:secret@h/db?sslnegotiation=direct', /sslmode=require/],
    ['postgres://u:secret@h/db?client_encoding=latin1', /utf8/],
    ['postgres://u:secret@h/db?gssencmode=require', /gssencmode/],
    ['postgres://a,b,c/db?port=1,2&password=secret', /3 hosts and 2 ports/],
    ['postgres://h/db?sslpassword=secret&nonsense=1', /nonsense/],
    ['postgres://h/db?constructor=1', /constructor/],
    ['postgres://u:sec?ret@h/db', /percent-encode '\?' and '&' in a password as %3F/],
    ['postgres://u:12?secret=1@h/db', /%3F/],
    ['postgres://u:p@h/db?sslmode=se@cret', /sslmode has an invalid value/],
    ['postgres://h/db?password=se&secret', /%26/],
  ])('%s is refused with a readable message without the password', (url, words) => {
    let thrown: unknown;
    try {
      parseDatabaseUrl(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(LoghiveError);
    const { code, message } = thrown as LoghiveError;
    expect(code).toBe('LOGHIVE_INVALID_OPTION');
    expect(message).toMatch(words);
    expect(message).not.toMatch(/sec\/?ret|"ret/);
  });
});

describe('masking', () => {
  it.each([
    ['postgres://u:p@h/db', 'postgres://u:***@h/db'],
    ['postgres://u:p:q/@x@h:1,i:2/db?a=b', 'postgres://u:***@h:1,i:2/db?a=b'],
    ['postgres://u@h/db', 'postgres://u@h/db'],
    ['postgres://h:5432/db', 'postgres://h:5432/db'],
    [
      'postgres://h/db?password=p&sslpassword=q&sslmode=require',
      'postgres://h/db?password=***&sslpassword=***&sslmode=require',
    ],
    ['postgres://us/er:p@h/db', 'postgres://us/er:***@h/db'],
    ['u:p@h/db', 'u:***@h/db'],
    [`host=h password='my secret' user=u`, 'host=h password=*** user=u'],
    ['password=secret host=h', 'password=*** host=h'],
  ])('%s becomes %s', (url, masked) => {
    expect(maskUrl(url)).toBe(masked);
  });
});
