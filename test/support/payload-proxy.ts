// A proxy in front of a server that answers in another way than it does: newer servers than there are can be played, and
// such as say less of themselves.
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { isIntact, withFooter } from '../../src/rdb/payload.ts';

export interface Rewrites {
  /** What stands in the place of a payload that the server gives. */
  readonly dumped?: (payload: Buffer) => Buffer;
  /** What stands in the place of a payload that it gets. */
  readonly restored?: (payload: Buffer) => Buffer;
  /** What stands in the place of a line that the server answers, such as `+string`. */
  readonly told?: (line: string) => string;
  /** What stands in the place of a text that the server answers, such as that of INFO. */
  readonly said?: (text: string) => string;
}

const FOOTER_BYTES = 10;

/** @returns the URL to connect to */
export async function payloadProxy(t: TestContext, port: number, rewrites: Rewrites): Promise<string> {
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (client) => {
    const server = createConnection({ host: '127.0.0.1', port, noDelay: true });
    const { dumped = same, restored = same, told = same, said = same } = rewrites;
    const commands = new Frames(restored, same, same, (bytes) => server.write(bytes));
    const replies = new Frames(dumped, told, said, (bytes) => client.write(bytes));
    client.on('data', (bytes) => commands.take(bytes));
    server.on('data', (bytes) => replies.take(bytes));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return `redis://127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

/** As a server of that RDB version would have written it: the type byte may be another one, and others precede it. */
export function stamped(payload: Buffer, version: number, typeByte: number, before: readonly number[] = []): Buffer {
  const body = payload.subarray(1, -FOOTER_BYTES);
  return withFooter(Buffer.concat([Buffer.from(before), Buffer.of(typeByte), body]), version);
}

/** Hands on line by line and string by string; a string that is a payload is rewritten. */
class Frames {
  readonly #payload: (payload: Buffer) => Buffer;
  readonly #line: (line: string) => string;
  readonly #text: (text: string) => string;
  readonly #hand: (bytes: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(
    payload: (payload: Buffer) => Buffer,
    line: (line: string) => string,
    text: (text: string) => string,
    hand: (bytes: Buffer) => void,
  ) {
    this.#payload = payload;
    this.#line = line;
    this.#text = text;
    this.#hand = hand;
  }

  take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const line = this.#rest.indexOf('\r\n') + 2;
      if (line === 1) return;
      const length = this.#rest[0] === 0x24 ? Number(this.#rest.toString('latin1', 1, line - 2)) : -1;
      const end = length < 0 ? line : line + length + 2;
      if (end > this.#rest.length) return;
      const string = this.#rest.subarray(line, line + Math.max(0, length));
      if (isPayload(string)) this.#hand(bulk(this.#payload(string)));
      else if (length >= 0) this.#hand(bulk(Buffer.from(this.#text(string.toString('latin1')), 'latin1')));
      else this.#hand(Buffer.from(`${this.#line(this.#rest.toString('latin1', 0, line - 2))}\r\n`, 'latin1'));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

function same<T>(what: T): T {
  return what;
}

function isPayload(bytes: Buffer): boolean {
  return bytes.length > FOOTER_BYTES && isIntact(bytes);
}

function bulk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}
