// Every form of an address that an operator may type, and every way to get it wrong without showing a password.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { formatAddress, parseAddress, redactAddress, type Address } from '../../resp/address.ts';
import { AddressError } from '../../resp/errors.ts';

const FORMS: readonly (readonly [string, Address])[] = [
  ['redis://127.0.0.1', { kind: 'tcp', host: '127.0.0.1', port: 6379, tls: false }],
  ['redis://127.0.0.1:6379/0', { kind: 'tcp', host: '127.0.0.1', port: 6379, db: 0, tls: false }],
  ['valkey://db.example:7000/15/', { kind: 'tcp', host: 'db.example', port: 7000, db: 15, tls: false }],
  ['REDIS://db.example/', { kind: 'tcp', host: 'db.example', port: 6379, tls: false }],
  ['rediss://db.example', { kind: 'tcp', host: 'db.example', port: 6379, tls: true }],
  ['valkeys://db.example:1', { kind: 'tcp', host: 'db.example', port: 1, tls: true }],
  ['redis://[::1]:7000/2', { kind: 'tcp', host: '::1', port: 7000, db: 2, tls: false }],
  ['redis://[fe80::1%eth0]', { kind: 'tcp', host: 'fe80::1%eth0', port: 6379, tls: false }],
  ['redis://:secret@h', { kind: 'tcp', host: 'h', port: 6379, password: 'secret', tls: false }],
  ['redis://me:secret@h', { kind: 'tcp', host: 'h', port: 6379, username: 'me', password: 'secret', tls: false }],
  ['redis://me@h', { kind: 'tcp', host: 'h', port: 6379, username: 'me', tls: false }],
  ['redis://me:@h', { kind: 'tcp', host: 'h', port: 6379, username: 'me', password: '', tls: false }],
  ['redis://:@h', { kind: 'tcp', host: 'h', port: 6379, tls: false }],
  [
    'redis://:p@ss/w?rd#@host:6379/3',
    { kind: 'tcp', host: 'host', port: 6379, password: 'p@ss/w?rd#', db: 3, tls: false },
  ],
  ['redis://m:a:b:c@h', { kind: 'tcp', host: 'h', port: 6379, username: 'm', password: 'a:b:c', tls: false }],
  [
    'redis://m%3An:p%40%23%3a%C3%A9@h',
    { kind: 'tcp', host: 'h', port: 6379, username: 'm:n', password: 'p@#:é', tls: false },
  ],
  ['redis://:50%:%4:%zz:%@h', { kind: 'tcp', host: 'h', port: 6379, password: '50%:%4:%zz:%', tls: false }],
  ['redis://:not%FFtext@h', { kind: 'tcp', host: 'h', port: 6379, password: 'not%FFtext', tls: false }],
  ['redis://:a://b@h', { kind: 'tcp', host: 'h', port: 6379, password: 'a://b', tls: false }],
  ['unix:///run/redis.sock', { kind: 'unix', path: '/run/redis.sock' }],
  ['unix:///run/redis.sock?db=4', { kind: 'unix', path: '/run/redis.sock', db: 4 }],
  ['unix:///run/a@/b.sock', { kind: 'unix', path: '/run/a@/b.sock' }],
  ['unix:///run/a@b/c%3Fd.sock', { kind: 'unix', path: '/run/a@b/c?d.sock' }],
  [
    'unix://me:s@/cr?t@/run/a@b.sock?db=1',
    { kind: 'unix', path: '/run/a@b.sock', username: 'me', password: 's@/cr?t', db: 1 },
  ],
  ['redis+sentinel://h/main', { kind: 'sentinel', hosts: [{ host: 'h', port: 26379 }], service: 'main', tls: false }],
  [
    'rediss+sentinel://me:a,b/c@h:1,[::1],g:2/my%2Fmain/3',
    {
      kind: 'sentinel',
      username: 'me',
      password: 'a,b/c',
      hosts: [
        { host: 'h', port: 1 },
        { host: '::1', port: 26379 },
        { host: 'g', port: 2 },
      ],
      service: 'my/main',
      db: 3,
      tls: true,
    },
  ],
  ['localhost:6379', { kind: 'tcp', host: 'localhost', port: 6379, tls: false }],
  ['10.0.0.1:7000/3', { kind: 'tcp', host: '10.0.0.1', port: 7000, db: 3, tls: false }],
  ['[::1]:6379/', { kind: 'tcp', host: '::1', port: 6379, tls: false }],
  ['-', { kind: 'stream', path: '-' }],
  ['./h:1.resp', { kind: 'stream', path: './h:1.resp' }],
  ['backup.resp', { kind: 'stream', path: 'backup.resp' }],
  ['/var/a b@c:1.resp.gz', { kind: 'stream', path: '/var/a b@c:1.resp.gz' }],
  ['../dump.rdb', { kind: 'snapshot', path: '../dump.rdb' }],
  ['DUMP.RDB', { kind: 'snapshot', path: 'DUMP.RDB' }],
  ['dump.rdb.gz', { kind: 'snapshot', path: 'dump.rdb.gz' }],
  ['Backup.gz.RESP', { kind: 'stream', path: 'Backup.gz.RESP' }],
  ['file:///var/a%20b/dump%23.rdb', { kind: 'snapshot', path: '/var/a b/dump#.rdb' }],
  ['FILE://localhost/var/dump.resp.gz', { kind: 'stream', path: '/var/dump.resp.gz' }],
  ['file://dump.rdb', { kind: 'snapshot', path: 'dump.rdb' }],
  ['file:///var/100%.rdb', { kind: 'snapshot', path: '/var/100%.rdb' }],
  ['/var/lib/redis/dump', { kind: 'nameless', path: '/var/lib/redis/dump' }],
  ['./a:b@c', { kind: 'nameless', path: './a:b@c' }],
  ['dumps/today', { kind: 'nameless', path: 'dumps/today' }],
  ['file:///var/dump.bak', { kind: 'nameless', path: '/var/dump.bak' }],
  ['redis-sentinel://h/main', { kind: 'sentinel', hosts: [{ host: 'h', port: 26379 }], service: 'main', tls: false }],
  ['rediss-sentinel://h/main', { kind: 'sentinel', hosts: [{ host: 'h', port: 26379 }], service: 'main', tls: true }],
];

describe('parseAddress() understands', () => {
  for (const [text, address] of FORMS) test(text, () => assert.deepEqual(parseAddress(text), address));
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['', /: it is empty$/],
  ['localhost', /localhost: it has no scheme$/],
  ['.resp', /: it has no scheme$/],
  ['localhost:99999', /localhost:99999: the port must be/],
  ['localhost:port', /: it has no scheme$/],
  ['::1:6379', /: it has no scheme$/],
  [':hunter2@localhost:6379', /\*\*\*@localhost:6379: it has no scheme$/],
  ['http://:hunter2@h', /http:\/\/\*\*\*@h: http:\/\/ is no scheme that rump knows$/],
  ['redis://', /: it names no host$/],
  ['redis:///0', /: it names no host$/],
  ['redis://:hunter2@', /: it names no host$/],
  ['redis://:hunter2@:6379/0', /redis:\/\/\*\*\*@:6379\/0: it names no host$/],
  ['redis://:hunter2', /redis:\/\/:\*\*\*: it names no host$/],
  ['redis://me:hunter2', /redis:\/\/me:\*\*\*: the port must be a number from 1 to 65535$/],
  ['redis://:hunter2@h:port', /@h:port: the port must be/],
  ['redis://h:0', /: the port must be/],
  ['redis://h:65536', /: the port must be/],
  ['redis://h:', /: the port must be/],
  ['redis://h:6379x', /: the port must be/],
  ['redis://h:1/x', /: the database must be a number such as 0$/],
  ['redis://h/-1', /: the database must be/],
  ['redis://h/1.5', /: the database must be/],
  ['redis://:hunter2@h/0#x', /@h\/0#x: the database must be/],
  ['redis://h/0/1', /: nothing may follow the database$/],
  ['redis://h?password=hunter2', /redis:\/\/h\?\*\*\*: a query is only understood behind unix:\/\/$/],
  ['redis://h i', /: that is no host name$/],
  ['redis://h\u0000i', /: that is no host name$/],
  ['redis://::1:6379', /: it has more than one port$/],
  ['redis://[::1', /: that is no host name$|: it has more than one port$/],
  ['redis://[h]', /: that is no IPv6 address$/],
  ['unix://', /: it needs the full path of a socket$/],
  ['unix:///', /: it needs the full path of a socket$/],
  ['unix://run/redis.sock', /: it needs the full path of a socket$/],
  ['unix://:hunter2@/run/redis.sock?db=x', /: the database must be/],
  ['unix://:hunter2@/run/redis.sock?password=hunter2', /: only \?db=N may follow the path$/],
  ['redis+sentinel://:hunter2@h:26379', /: it names no service$/],
  ['redis+sentinel://h//0', /: it names no service$/],
  ['redis+sentinel://h,/main', /: it names no host$/],
  ['redis+sentinel://h:x/main', /: the port must be/],
  ['redis+sentinel://h/main/x', /: the database must be/],
  ['redis+sentinel://h/main/0/1', /: nothing may follow the database$/],
];

describe('parseAddress() refuses, and does not show the password of', () => {
  for (const [text, message] of WRONG) {
    test(text === '' ? 'an empty text' : JSON.stringify(text), () => {
      assert.throws(
        () => parseAddress(text),
        (error) => {
          assert.ok(error instanceof AddressError);
          assert.match(error.message, message);
          assert.match(error.message, /^Cannot understand the address /);
          assert.doesNotMatch(`${error.message}${error.hint ?? ''}`, /hunter2/);
          return true;
        },
      );
    });
  }
});

test('parseAddress() tells how to write a host without a scheme', () => {
  for (const text of ['localhost', '127.0.0.1', 'user:hunter2']) {
    assert.throws(() => parseAddress(text), { code: 'ADDRESS', hint: 'write redis://host:port' });
  }
});

const raw = fc.string({ unit: 'grapheme-ascii' });
const anyText = fc.string({ unit: 'binary' });
const isRaw = (text: string): boolean => !/%[0-9a-f]{2}/i.test(text);
const port = fc.integer({ min: 1, max: 65_535 });
const db = fc.integer({ min: 0, max: 999 });
const password = fc.oneof(raw, fc.stringMatching(/^[#@:/?%&=a]{1,8}$/), fc.string({ unit: 'grapheme' }));

test('parseAddress() takes any raw password as it is', () => {
  const user = raw.filter((user) => !user.includes(':'));
  fc.assert(
    fc.property(user, password, port, db, (username, password, port, db) => {
      fc.pre(isRaw(username) && isRaw(password) && (username !== '' || password !== ''));
      const address = parseAddress(`redis://${username}:${password}@db.example:${port}/${db}`);
      const user = username === '' ? {} : { username };
      assert.deepEqual(address, { kind: 'tcp', ...user, password, host: 'db.example', port, db, tls: false });
    }),
  );
});

test('parseAddress() takes any raw password before a Unix socket and a Sentinel as it is', () => {
  fc.assert(
    fc.property(password, db, (password, db) => {
      fc.pre(isRaw(password));
      const unix = parseAddress(`unix://me:${password}@/run/redis.sock?db=${db}`);
      assert.deepEqual(unix, { kind: 'unix', username: 'me', password, path: '/run/redis.sock', db });
      const sentinel = parseAddress(`redis+sentinel://me:${password}@a:1,b/main/${db}`);
      assert.equal(sentinel.kind === 'sentinel' ? sentinel.password : undefined, password);
    }),
  );
});

test('parseAddress() decodes any percent-encoded user and password', () => {
  fc.assert(
    fc.property(anyText, anyText, (username, password) => {
      fc.pre(username !== '');
      const address = parseAddress(`redis://${encodeURIComponent(username)}:${encodeURIComponent(password)}@h`);
      assert.deepEqual(address, { kind: 'tcp', username, password, host: 'h', port: 6379, tls: false });
    }),
  );
});

test('parseAddress() gives an address or an AddressError, whatever the text', () => {
  const scheme = fc.constantFrom('', 'redis://', 'unix://', 'redis+sentinel://', 'unix:///');
  fc.assert(
    fc.property(scheme, fc.oneof(anyText, fc.stringMatching(/^[[\]:@/?,.%0-9a-f]{0,12}$/)), (scheme, rest) => {
      try {
        parseAddress(scheme + rest);
      } catch (error) {
        assert.ok(error instanceof AddressError);
      }
    }),
  );
});

describe('formatAddress() gives back, but for the password,', () => {
  for (const [text, address] of FORMS) {
    test(text, () => {
      const hidden = 'password' in address ? { ...address, password: '***' } : address;
      const isLoneUser = 'username' in address && !('password' in address);
      assert.deepEqual(parseAddress(formatAddress(address)), isLoneUser ? { ...address, username: '***' } : hidden);
    });
  }
});

test('formatAddress() does not depend on the password', () => {
  fc.assert(
    fc.property(anyText, anyText, (username, password) => {
      const format = (password: string): string =>
        formatAddress({ kind: 'tcp', username, password, host: 'h', port: 1, db: 2, tls: true });
      assert.equal(format(password), format('another'));
    }),
  );
  assert.equal(formatAddress(parseAddress('redis://:p@ss@h:1/2')), 'redis://:***@h:1/2');
});

test('formatAddress() hides a lone word before the @, which may be a password', () => {
  assert.equal(formatAddress(parseAddress('redis://hunter2@h')), 'redis://***@h:6379');
});

test('formatAddress() gives back any path and any service', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const unix: Address = { kind: 'unix', path: `/${text}.sock` };
      assert.deepEqual(parseAddress(formatAddress(unix)), unix);
      const service = `${text}x`;
      const sentinel: Address = { kind: 'sentinel', hosts: [{ host: '::1', port: 1 }], service, tls: false };
      assert.deepEqual(parseAddress(formatAddress(sentinel)), sentinel);
    }),
  );
});

test('redactAddress() leaves nothing of the password before the last @', () => {
  const secret = fc.stringMatching(/^[a-z@:/?#]{0,6}hunter2[a-z@:/?#]{0,6}$/);
  fc.assert(
    fc.property(fc.constantFrom('', 'redis://', 'nonsense://', 'redis+sentinel://'), secret, (scheme, password) => {
      assert.doesNotMatch(redactAddress(`${scheme}me:${password}@h:x/y`), /hunter2/);
    }),
  );
});
