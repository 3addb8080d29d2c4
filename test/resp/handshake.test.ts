// Logging in, being told why not, and never a password in what is told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { Connection } from '../../resp/connection.ts';
import { RespError } from '../../resp/errors.ts';
import { handshake, introduce, type HandshakeOptions } from '../../resp/handshake.ts';
import { READ_ONLY } from '../../src/server/read-only.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';

const PASSWORD = 'p@ss:w0rd#%/€';
const WRONG = 'another-secret';

let open: TestServer;
let closed: TestServer;
let renamed: TestServer;
before(async () => {
  const users = [
    '--user',
    'alice',
    'on',
    `>${PASSWORD}`,
    '~*',
    '+@all',
    '--user',
    'guest',
    'on',
    'nopass',
    '~*',
    '+ping',
    '+select',
  ];
  open = await startServer();
  closed = await startServer({ args: ['--requirepass', PASSWORD, ...users] });
  renamed = await startServer({ args: ['--rename-command', 'AUTH', ''] });
});
after(() => Promise.all([open, closed, renamed].map((server) => server.stop())));

async function shake(server: TestServer, options: Partial<HandshakeOptions> = {}): Promise<Connection> {
  const peer = { host: '127.0.0.1', port: server.port };
  const connection = await Connection.open({ peer, readOnly: READ_ONLY, connectTimeout: 5000, timeout: 5000 });
  try {
    await handshake(connection, { db: 0, ...options });
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

test('introduce() gives the connection a name that CLIENT LIST shows', async () => {
  const connection = await shake(open);
  await introduce(connection, 'rump');
  const client = await open.client();
  assert.match(String(await client.send('CLIENT', 'LIST')), / name=rump /);
  connection.close();
});

test('introduce() lets a user go on who may not set a name', async () => {
  const connection = await shake(closed, { username: 'guest' });
  await introduce(connection, 'rump');
  assert.equal(String(await connection.request('PING')), 'PONG');
  connection.close();
});

test('handshake() selects the database', async () => {
  const client = await open.client(5);
  await client.send('SET', 'only here', '1');
  const five = await shake(open, { db: 5 });
  assert.equal(await five.request('DBSIZE'), 1);
  five.close();
  const six = await shake(open, { db: 6 });
  assert.equal(await six.request('DBSIZE'), 0);
  six.close();
});

const WELCOME: readonly (readonly [string, Partial<HandshakeOptions>])[] = [
  ['the password of the default user', { password: PASSWORD }],
  ['a user and a password', { username: 'alice', password: PASSWORD }],
  ['the default user by name', { username: 'default', password: PASSWORD }],
  ['a user that needs no password', { username: 'guest' }],
];

for (const [what, options] of WELCOME) {
  test(`handshake() logs in with ${what}`, async () => {
    const connection = await shake(closed, options);
    assert.equal(String(await connection.request('PING')), 'PONG');
    connection.close();
  });
}

test('handshake() logs in as the user that was named', async () => {
  const connection = await shake(closed, { username: 'guest' });
  await assert.rejects(connection.request('DBSIZE'), { code: 'NOPERM' });
  connection.close();
});

interface Refusal {
  readonly what: string;
  readonly server: () => TestServer;
  readonly options: Partial<HandshakeOptions>;
  readonly code: string;
  readonly message: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: 'a wrong password',
    server: () => closed,
    options: { password: WRONG },
    code: 'WRONGPASS',
    message: /^Cannot log in to 127\.0\.0\.1:\d+: WRONGPASS /,
  },
  {
    what: 'a wrong password of a user',
    server: () => closed,
    options: { username: 'alice', password: WRONG },
    code: 'WRONGPASS',
    message: /^Cannot log in to 127\.0\.0\.1:\d+: WRONGPASS /,
  },
  {
    what: 'a user that does not exist',
    server: () => closed,
    options: { username: 'bob', password: PASSWORD },
    code: 'WRONGPASS',
    message: /^Cannot log in to 127\.0\.0\.1:\d+: WRONGPASS /,
  },
  {
    what: 'no password where one is needed',
    server: () => closed,
    options: { db: 5 },
    code: 'NOAUTH',
    message: /it asks for a password$/,
  },
  {
    what: 'a password where none is set',
    server: () => open,
    options: { password: WRONG },
    code: 'ERR',
    message: /^Cannot log in to 127\.0\.0\.1:\d+: /,
  },
  {
    what: 'a password where the server knows no AUTH and repeats it',
    server: () => renamed,
    options: { password: PASSWORD },
    code: 'ERR',
    message: /^Cannot log in to 127\.0\.0\.1:\d+: /,
  },
  {
    what: 'a database that does not exist',
    server: () => open,
    options: { db: 16 },
    code: 'ERR',
    message: /^Cannot use database 16 of 127\.0\.0\.1:\d+: ERR DB index is out of range$/,
  },
];

for (const { what, server, options, code, message } of REFUSALS) {
  test(`handshake() refuses ${what}, without a password in the error`, async () => {
    await assert.rejects(shake(server(), options), (error: RespError) => {
      assert.ok(error instanceof RespError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.deepEqual([error.host, error.port], ['127.0.0.1', server().port]);
      const shown = inspect(error, { depth: Infinity });
      for (const secret of [PASSWORD, WRONG]) assert.ok(!shown.includes(secret), shown);
      return true;
    });
  });
}

test('handshake() fails with the error of the connection when that ends meanwhile', async () => {
  const peer = { host: '127.0.0.1', port: open.port };
  const connection = await Connection.open({ peer, readOnly: READ_ONLY, connectTimeout: 5000, timeout: 5000 });
  const reason = new Error('interrupted');
  const shaking = handshake(connection, { password: PASSWORD, db: 0 });
  connection.fail(reason);
  await assert.rejects(shaking, reason);
});
