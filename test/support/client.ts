// The independent witness of the tests: a small Redis client that shares no code with rump. Binary-safe, pipelined.
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import { command, type Argument } from './frames.ts';

/** Simple and bulk strings are Buffers, error replies Errors; integers that no number holds are bigints. */
export type Reply = Buffer | number | bigint | null | Error | Reply[];

export interface ClientOptions {
  readonly host?: string;
  readonly port: number;
  /** Speaks TLS, as node:tls has it. */
  readonly tls?: TlsOptions | undefined;
}

/** Commands on their way together; a pipeline of any length keeps this many bytes in one write. */
const WRITE_BYTES = 1024 * 1024;
/** No server is silent for so long about anything that a test asks it. */
const LONGEST_SILENCE_MS = 120_000;

interface Waiting {
  left: number;
  readonly replies: Reply[];
  readonly resolve: (replies: Reply[]) => void;
  readonly reject: (reason: Error) => void;
}

export class TestClient {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #hasAltered = false;

  static async connect({ host = '127.0.0.1', port, tls }: ClientOptions): Promise<TestClient> {
    const socket = tls ? connectTls({ host, port, ...tls }) : createConnection({ host, port, noDelay: true });
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new TestClient(socket);
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new ReplyReader((reply) => this.#take(reply));
    let reason = new Error('The connection of the test client was closed');
    socket.on('data', (chunk) => {
      try {
        reader.read(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => {
      reason = error;
    });
    socket.setTimeout(LONGEST_SILENCE_MS, () => {
      if (this.#waiting.length === 0) return;
      const { remotePort } = socket;
      socket.destroy(new Error(`The server at port ${remotePort} was silent for ${LONGEST_SILENCE_MS / 1000} s`));
    });
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(reason);
    });
  }

  /** It has changed what no command tells, or what keeps the server from being asked: it is not to be given to another test. */
  get hasAltered(): boolean {
    return this.#hasAltered;
  }

  /** Rejects on an error reply. */
  async send(...args: Argument[]): Promise<Reply> {
    const [reply] = await this.pipeline([args]);
    if (reply instanceof Error) throw reply;
    return reply!;
  }

  /** Error replies are values here. */
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]> {
    if (commands.length === 0) return Promise.resolve([]);
    if (this.#socket.destroyed) return Promise.reject(new Error('The test client is closed'));
    this.#hasAltered ||= commands.some(([name, part]) => name === 'DEBUG' || part === 'PAUSE');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ left: commands.length, replies: [], resolve, reject });
      this.#write(commands);
    });
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return;
    this.#socket.destroy();
    await once(this.#socket, 'close');
  }

  #write(commands: readonly (readonly Argument[])[]): void {
    let frames: Buffer[] = [];
    let bytes = 0;
    for (const args of commands) {
      const frame = command(...args);
      frames.push(frame);
      bytes += frame.length;
      if (bytes < WRITE_BYTES) continue;
      this.#socket.write(frames.length === 1 ? frame : Buffer.concat(frames));
      frames = [];
      bytes = 0;
    }
    if (bytes > 0) this.#socket.write(Buffer.concat(frames));
  }

  #take(reply: Reply): void {
    const first = this.#waiting[0];
    if (first === undefined) {
      this.#socket.destroy(new Error('The server sent a reply that nobody waits for'));
      return;
    }
    first.replies.push(reply);
    first.left -= 1;
    if (first.left > 0) return;
    this.#waiting.shift();
    first.resolve(first.replies);
  }
}

function integerOf(digits: string): number | bigint {
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits);
}

/** RESP2 only; every byte is looked at once, however the replies are cut and however large they are. */
class ReplyReader {
  readonly #onReply: (reply: Reply) => void;
  readonly #open: { items: Reply[]; size: number }[] = [];
  /** A line that has no end yet. */
  #rest: Buffer = Buffer.alloc(0);
  /** A bulk string that is not all there, with its line end. */
  #bulk: { bytes: Buffer; filled: number } | undefined;

  constructor(onReply: (reply: Reply) => void) {
    this.#onReply = onReply;
  }

  read(chunk: Buffer): void {
    let at = 0;
    let bytes = chunk;
    if (this.#bulk === undefined) bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (at < bytes.length) {
      if (this.#bulk !== undefined) {
        at += this.#fill(this.#bulk, bytes, at);
        continue;
      }
      const end = bytes.indexOf('\r\n', at);
      if (end === -1) break;
      this.#line(bytes[at]!, bytes.subarray(at + 1, end));
      at = end + 2;
    }
    this.#rest = bytes.subarray(at);
  }

  #line(type: number, text: Buffer): void {
    switch (String.fromCharCode(type)) {
      case '+':
        return this.#done(Buffer.from(text));
      case '-':
        return this.#done(new Error(text.toString()));
      case ':':
        return this.#done(integerOf(text.toString()));
      case '$': {
        const size = Number(text.toString());
        if (size === -1) return this.#done(null);
        this.#bulk = { bytes: Buffer.allocUnsafe(size + 2), filled: 0 };
        return;
      }
      case '*': {
        const size = Number(text.toString());
        if (size === -1) return this.#done(null);
        if (size === 0) return this.#done([]);
        this.#open.push({ items: [], size });
        return;
      }
      default:
        throw new Error(`Not RESP2: ${JSON.stringify(String.fromCharCode(type) + text.toString('latin1'))}`);
    }
  }

  #fill(bulk: { bytes: Buffer; filled: number }, bytes: Buffer, at: number): number {
    const copied = bytes.copy(bulk.bytes, bulk.filled, at);
    bulk.filled += copied;
    if (bulk.filled < bulk.bytes.length) return copied;
    this.#bulk = undefined;
    if (bulk.bytes.toString('latin1', bulk.bytes.length - 2) !== '\r\n')
      throw new Error('A bulk string has no line end');
    this.#done(bulk.bytes.subarray(0, -2));
    return copied;
  }

  #done(reply: Reply): void {
    let value = reply;
    for (let array = this.#open.at(-1); array !== undefined; array = this.#open.at(-1)) {
      array.items.push(value);
      if (array.items.length < array.size) return;
      this.#open.pop();
      value = array.items;
    }
    this.#onReply(value);
  }
}
