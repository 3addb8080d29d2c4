// A Unix socket that answers commands: who may use it, what it does not put up with, and what it takes the place of.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Connection } from '../../resp/connection.ts';
import { Listener, type ListenerOptions } from '../../resp/listener.ts';
import { bulkReply, errorReply, listReply, okReply } from '../../resp/server-replies.ts';
import { killAtExit } from '../support/kill-at-exit.ts';

const LONG = 'x'.repeat(16 * 1024);

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rump-listener-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function listen(t: TestContext, options: Partial<ListenerOptions> = {}): Promise<string> {
  const path = join(folderOf(t), 'run.sock');
  const listener = await Listener.open({ path, answer: (words) => bulkReply(words.join('|')), ...options });
  t.after(() => listener.close());
  return path;
}

/** A client that can be as rude as it likes. */
async function connect(t: TestContext, path: string): Promise<net.Socket> {
  const socket = net.connect({ path });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** All that comes until the other side hangs up. */
async function heard(socket: net.Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  // It may be reset, as by a process that has ended.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** Until there is room for one more. */
async function served(t: TestContext, path: string): Promise<void> {
  for (let reply = '-'; reply.startsWith('-');) {
    const socket = await connect(t, path);
    socket.end('PING\n');
    reply = await heard(socket);
  }
}

test('Listener answers a connection, and all that it is asked at once in its order', async (t) => {
  const path = await listen(t);
  const connection = await Connection.open({ peer: { path }, connectTimeout: 5000, timeout: 5000 });
  const words = Array.from({ length: 1000 }, (_, i) => [`N${i}`, 'a b']);
  const replies = await Promise.all(words.map(([name, arg]) => connection.request(name!, arg!)));
  assert.deepEqual(
    replies.map(String),
    words.map((each) => each.join('|')),
  );
  connection.close();
});

test('Listener answers with what the replies of a server are', async (t) => {
  const replies: Record<string, string> = { OK: okReply(), LIST: listReply(['a', 'ä']), BAD: errorReply('ERR a\r\nb') };
  const path = await listen(t, { answer: ([name]) => replies[name!]! });
  const connection = await Connection.open({ peer: { path }, connectTimeout: 5000, timeout: 5000 });
  assert.equal(String(await connection.request('OK')), 'OK');
  assert.deepEqual(((await connection.request('LIST')) as Buffer[]).map(String), ['a', 'ä']);
  await assert.rejects(connection.request('BAD'), { name: 'ReplyError', message: 'ERR a b' });
  connection.close();
});

test('Listener makes a socket that its owner alone can use, and removes it', async (t) => {
  const path = join(folderOf(t), 'run.sock');
  const mask = process.umask();
  const listener = await Listener.open({ path, answer: okReply });
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  assert.equal(process.umask(), mask, 'The mask of the process is another one');
  listener.close();
  assert.equal(existsSync(path), false);
});

test('Listener keeps no process alive that nothing else keeps, whoever is connected, and its socket goes with that', async (t) => {
  const path = join(folderOf(t), 'run.sock');
  const module = JSON.stringify(new URL('../../resp/listener.js', import.meta.url).href);
  const program = `import { Listener } from ${module};
    await Listener.open({ path: ${JSON.stringify(path)}, answer: () => '+OK\\r\\n' });
    process.stdin.once('end', () => console.log('left')).resume();
    console.log('listening');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  killAtExit(child);
  const exit = once(child, 'exit');
  await once(child.stdout, 'data');
  const socket = await connect(t, path);
  socket.write('PING\n');
  await once(socket, 'data');
  child.stdin.end();
  assert.deepEqual(await exit, [0, null]);
  assert.equal(existsSync(path), false);
});

test('Listener hangs up on its clients when it ends, behind their replies', async (t) => {
  const path = join(folderOf(t), 'run.sock');
  const listener = await Listener.open({ path, answer: () => (setImmediate(() => listener.close()), okReply()) });
  const socket = await connect(t, path);
  socket.write('BYE\n');
  assert.equal(await heard(socket), '+OK\r\n');
});

test('Listener answers a line of a client that says no more, and hangs up on QUIT', async (t) => {
  const path = await listen(t);
  const socket = await connect(t, path);
  socket.end('a b\r\n');
  assert.equal(await heard(socket), '$3\r\na|b\r\n');
  const quitting = await connect(t, path);
  quitting.write('QUIT\r\nPING\r\n');
  assert.equal(await heard(quitting), '$4\r\nQUIT\r\n');
});

test('Listener hangs up on who says what is no command, or one without an end, and keeps serving others', async (t) => {
  const path = await listen(t);
  for (const text of ['*1\r\n:1\r\n', LONG.repeat(64), `*1\r\n$9999999\r\n${LONG.repeat(64)}`]) {
    const socket = await connect(t, path);
    socket.write(text);
    assert.match(await heard(socket), /^-ERR Protocol error: /);
  }
  const socket = await connect(t, path);
  socket.end('PING\n');
  assert.equal(await heard(socket), '$4\r\nPING\r\n');
});

test('Listener turns away who is one too many, until another one goes', async (t) => {
  const path = await listen(t, { mostClients: 2 });
  const [first] = [await connect(t, path), await connect(t, path)];
  first.write('PING\n');
  await once(first, 'data');
  assert.equal(await heard(await connect(t, path)), '-ERR max number of clients reached\r\n');
  first.destroy();
  for (let reply = ''; !reply.includes('PING');) {
    const socket = await connect(t, path);
    socket.end('PING\n');
    reply = await heard(socket);
  }
});

test('Listener has who does nothing for the longest make room for others, and nobody who has asked just now', async (t) => {
  const path = await listen(t, { mostClients: 2, restMs: 50 });
  const [idle, asking] = [await connect(t, path), await connect(t, path)];
  let isGone = false;
  idle.on('close', () => (isGone = true));
  for (let reply = ''; !reply.includes('PING');) {
    asking.write('PING\n');
    await once(asking, 'data');
    const socket = await connect(t, path);
    socket.end('PING\n');
    reply = await heard(socket);
  }
  asking.end('PING\n');
  assert.equal(await heard(asking), '$4\r\nPING\r\n');
  assert.equal(isGone, true);
});

test('Listener lets go of who says half a command, or nothing', async (t) => {
  const path = await listen(t, { idleMs: 100 });
  for (const text of ['', '*2\r\n$6\r\nSTATUS\r\n']) {
    const socket = await connect(t, path);
    if (text !== '') socket.write(text);
    assert.equal(await heard(socket), '');
  }
});

test('Listener answers no more while a client reads nothing, and lets it go in the end', async (t) => {
  let answered = 0;
  const path = await listen(t, { mostClients: 1, idleMs: 500, answer: () => (answered++, bulkReply(LONG)) });
  const socket = await connect(t, path);
  socket.pause();
  const asked = 2000;
  socket.write('PING\n'.repeat(asked));
  await served(t, path);
  assert.ok(answered > 1 && answered < asked / 2, `${answered} of ${asked} were answered`);
});

test('Listener takes the place of a socket that nobody listens on any more', async (t) => {
  const path = join(folderOf(t), 'run.sock');
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  killAtExit(child);
  await once(child.stdout, 'data');
  const open = (): Promise<Listener> => Listener.open({ path, answer: okReply });
  await assert.rejects(open(), {
    code: 'EADDRINUSE',
    message: `Cannot listen on ${path}: it is in use by another run`,
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(lstatSync(path).isSocket());
  const listener = await open();
  const socket = await connect(t, path);
  socket.end('PING\n');
  assert.equal(await heard(socket), '+OK\r\n');
  listener.close();
});

test('Listener leaves alone what is no socket', async (t) => {
  const folder = folderOf(t);
  const [file, link] = [join(folder, 'file'), join(folder, 'link')];
  writeFileSync(file, 'precious');
  symlinkSync(file, link);
  for (const path of [file, link, folder]) {
    await assert.rejects(Listener.open({ path, answer: okReply }), {
      code: 'EEXIST',
      message: `Cannot listen on ${path}: it is no socket`,
    });
  }
  assert.equal(readFileSync(link, 'utf8'), 'precious');
});

test('Listener leaves alone what others have made in the place of its socket', async (t) => {
  const path = join(folderOf(t), 'run.sock');
  const open = (): Promise<Listener> => Listener.open({ path, answer: okReply });
  const [first, second] = [await open(), (rmSync(path), await open())];
  first.close();
  const socket = await connect(t, path);
  socket.end('PING\n');
  assert.equal(await heard(socket), '+OK\r\n');
  rmSync(path);
  writeFileSync(path, 'precious');
  second.close();
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});

test('Listener says why it cannot listen', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'file'), '');
  const long = join(folder, 'x'.repeat(108 - folder.length - 1));
  for (const [path, code, message] of [
    [join(folder, 'none', 'run.sock'), 'ENOENT', /: no such folder$/],
    [join(folder, 'file', 'run.sock'), 'ENOTDIR', /: its folder is none$/],
    [long, 'ENAMETOOLONG', /: its path has more than the 107 bytes of the system$/],
    ['', 'ENAMETOOLONG', /: it has no name$/],
  ] as const) {
    await assert.rejects(Listener.open({ path, answer: okReply }), { code, message });
  }
  const longest = await Listener.open({ path: long.slice(0, 107), answer: okReply });
  assert.ok(existsSync(long.slice(0, 107)));
  longest.close();
});

test('Listener shows no password of an address that was given for a path', async () => {
  const open = Listener.open({ path: 'redis://:canary@host/x', answer: okReply });
  await assert.rejects(open, { message: 'Cannot listen on redis://***@host/x: no such folder' });
});
