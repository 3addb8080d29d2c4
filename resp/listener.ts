// A Unix socket that answers commands, as a server does; beside socket.ts the only place that touches node:net. What it is
// asked, and what it answers, is others' concern.

import { redactAddress } from './address.ts';
import { countOf } from './figures.ts';
import { existsSync, lstatSync, renameSync, unlinkSync, type Stats } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtocolError, RespError } from './errors.ts';
import { RequestReader } from './request-reader.ts';
import { errorReply } from './server-replies.ts';

export interface ListenerOptions {
  readonly path: string;
  /** Answers one command, of one word at least, with a whole reply. */
  readonly answer: (words: readonly string[]) => string;
  /** Clients at once. */
  readonly mostClients?: number;
  /** Milliseconds after which a client is let go that has said no whole command, or has read nothing. */
  readonly idleMs?: number;
  /** Milliseconds after which the one that has done nothing for the longest goes where others want in. */
  readonly restMs?: number;
}

const MOST_CLIENTS = 32;
const IDLE_MS = 300_000;
const REST_MS = 1000;
/** Milliseconds after which a socket is looked at once more before it is taken for dead. */
const LOOK_AGAIN_MS = 100;
/** For a client to take what is left for it, in milliseconds. */
const LINGER_MS = 500;
/** What a name of a socket may take, with the zero behind it: less on systems from BSD. */
const NAME_BYTES = process.platform === 'linux' ? 108 : 104;
/** The owner alone may read and write what is made. */
const OWNER_ONLY = 0o177;
/** Bytes of replies that wait for a client, beyond which it is not asked for more. */
const HIGH_WATER_MARK = 64 * 1024;

/** It keeps no process alive, nor do its clients. */
export class Listener {
  readonly #server: net.Server;
  readonly #path: string;
  readonly #clients = new Set<Client>();
  readonly #onExit = (): void => this.#remove();
  #made: Stats | undefined;

  private constructor({
    path,
    answer,
    mostClients = MOST_CLIENTS,
    idleMs = IDLE_MS,
    restMs = REST_MS,
  }: ListenerOptions) {
    this.#path = path;
    const clients = this.#clients;
    this.#server = net.createServer({ highWaterMark: HIGH_WATER_MARK }, (socket) => {
      if (clients.size >= mostClients) {
        const idlest = [...clients].reduce((one, other) => (other.activeAt < one.activeAt ? other : one));
        if (performance.now() - idlest.activeAt < restMs) return turnAway(socket);
        idlest.drop();
        clients.delete(idlest);
      }
      const client = new Client(socket, answer, idleMs);
      clients.add(client);
      socket.on('close', () => clients.delete(client));
    });
  }

  /**
   * Makes the socket, in the place of one that a dead process has left.
   * @throws RespError where it cannot be made, something else has its name, or another process answers there
   */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { path } = options;
    if (path === '' || Buffer.byteLength(path) >= NAME_BYTES) {
      const why =
        path === '' ? 'it has no name' : `its path has more than the ${countOf(NAME_BYTES - 1, 'byte')} of the system`;
      throw cannotListen(path, 'ENAMETOOLONG', why, 'choose a shorter one');
    }
    await removeDead(path);
    const listener = new Listener(options);
    await listener.#listen();
    return listener;
  }

  /** Hangs up on all clients once they have what is theirs, and removes the socket. */
  close(): void {
    process.off('exit', this.#onExit);
    this.#remove();
    for (const client of this.#clients) client.end();
  }

  async #listen(): Promise<void> {
    const server = this.#server;
    const listening = new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(whyNot(this.#path, error)));
      server.once('listening', resolve);
    });
    // The name is made within the call: there is no moment in which others could connect.
    const before = process.umask(OWNER_ONLY);
    try {
      server.listen(this.#path);
    } finally {
      process.umask(before);
    }
    await listening;
    this.#made = look(this.#path);
    // What cannot be accepted, for want of descriptors, is no reason to end; nor does it keep a process that nothing else keeps.
    server.on('error', () => {});
    server.unref();
    process.on('exit', this.#onExit);
  }

  /** Node removes whatever has the name by now: what others have made there steps aside meanwhile. */
  #remove(): void {
    const found = lookIfAny(this.#path);
    if (found === undefined || (found.ino === this.#made?.ino && found.dev === this.#made.dev)) {
      this.#server.close();
      return;
    }
    const aside = `${this.#path}.${process.pid}`;
    moveIfAny(this.#path, aside);
    this.#server.close();
    moveIfAny(aside, this.#path);
  }
}

/** Answers in the order of the commands, and reads no further while its replies are not taken. */
class Client {
  readonly #socket: net.Socket;
  readonly #answer: (words: readonly string[]) => string;
  readonly #requests = new RequestReader();
  /** When it has said a whole command last, or read what was left for it. */
  activeAt = performance.now();

  constructor(socket: net.Socket, answer: ListenerOptions['answer'], idleMs: number) {
    this.#socket = socket.unref();
    this.#answer = answer;
    const timer = setTimeout(() => socket.destroy(), idleMs).unref();
    const noteActivity = (): void => {
      this.activeAt = performance.now();
      timer.refresh();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#requests.push(chunk);
      if (this.#answerAll()) noteActivity();
    });
    socket.on('drain', () => {
      noteActivity();
      socket.resume();
      this.#answerAll();
    });
    // Whoever is gone needs no reply.
    socket.on('error', () => {});
    socket.on('close', () => clearTimeout(timer));
  }

  /** Hangs up at once. */
  drop(): void {
    this.#socket.destroy();
  }

  end(): void {
    const socket = this.#socket;
    socket.end();
    // Bytes that wait for a client keep the process alive, whatever else was said of its socket.
    if (socket.writableLength > 0) setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  /** Whether there was a command. */
  #answerAll(): boolean {
    const socket = this.#socket;
    let isAnswered = false;
    try {
      while (!socket.writableNeedDrain && socket.writable) {
        const words = this.#requests.next();
        if (words === undefined) return isAnswered;
        isAnswered = true;
        socket.write(this.#answer(words));
        if (words[0]!.toLowerCase() === 'quit') this.end();
      }
      socket.pause();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      hangUp(socket, errorReply(`ERR Protocol error: ${error.message}`));
    }
    return isAnswered;
  }
}

function turnAway(socket: net.Socket): void {
  socket.on('error', () => {});
  hangUp(socket, errorReply('ERR max number of clients reached'));
}

/** What still comes is read and dropped: where bytes are left unread, the system may take the last words away with them. */
function hangUp(socket: net.Socket, words: string): void {
  socket.removeAllListeners('data');
  socket.resume();
  socket.end(words);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** What a process has left that was killed goes; all else stays as it is. */
async function removeDead(path: string): Promise<void> {
  const found = look(path);
  if (found === undefined) return;
  if (!found.isSocket()) throw cannotListen(path, 'EEXIST', 'it is no socket', 'choose another path');
  // Another run may have made it just now, and be about to listen.
  for (const pause of [0, LOOK_AGAIN_MS]) {
    await sleep(pause);
    if (!(await answers(path))) continue;
    throw cannotListen(path, 'EADDRINUSE', 'it is in use by another run', 'choose another path');
  }
  removeIfAny(path);
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw whyNot(path, error as NodeJS.ErrnoException);
  }
}

/** Whether anybody listens there; who must not connect does not know. */
async function answers(path: string): Promise<boolean> {
  const socket = net.connect({ path });
  try {
    return await new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
        // Too many wait to be let in.
        else if (error.code === 'EAGAIN') resolve(true);
        else reject(whyNot(path, error));
      });
    });
  } finally {
    socket.destroy();
  }
}

function lookIfAny(path: string): Stats | undefined {
  try {
    return look(path);
  } catch {
    return undefined;
  }
}

function moveIfAny(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // It is gone, or nobody lets us.
  }
}

function removeIfAny(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, or nobody lets us: the next run will see.
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EADDRINUSE: 'it is in use by another run',
  ENOENT: 'no such folder',
  ENOTDIR: 'its folder is none',
  EROFS: 'the file system is read-only',
};

function whyNot(path: string, error: NodeJS.ErrnoException): RespError {
  // Node has one code for a folder that is not there and for one that is closed to us.
  const code = error.code === 'EACCES' && !existsSync(dirname(path)) ? 'ENOENT' : (error.code ?? 'LISTEN');
  return cannotListen(path, code, REASONS[code] ?? error.message, undefined, error);
}

function cannotListen(path: string, code: string, why: string, hint?: string, cause?: unknown): RespError {
  return new RespError(code, `Cannot listen on ${redactAddress(path)}: ${why}`, { peer: { path }, hint, cause });
}
