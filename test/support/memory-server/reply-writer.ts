// Replies as RESP2 bytes: small ones gather in one string, large values go to the socket as they are.
import type { Writable } from 'node:stream';
import { CommandError, SimpleString, type Reply } from './reply.ts';

const LARGE = 16 * 1024;
const GATHERED = 64 * 1024;

export class ReplyWriter {
  readonly #output: Writable;
  /** A character a byte. */
  #text = '';

  constructor(output: Writable) {
    this.#output = output;
  }

  /** What was written stays here until `flush` or until it has grown. */
  write(reply: Reply): void {
    this.#append(reply);
    if (this.#text.length >= GATHERED) this.flush();
  }

  flush(): void {
    if (this.#text === '') return;
    this.#output.write(this.#text, 'latin1');
    this.#text = '';
  }

  #append(reply: Reply): void {
    if (typeof reply === 'string') this.#text += `$${reply.length}\r\n${reply}\r\n`;
    else if (Buffer.isBuffer(reply)) this.#appendBytes(reply);
    else if (typeof reply === 'number') this.#text += `:${reply}\r\n`;
    else if (reply === null) this.#text += '$-1\r\n';
    else if (reply instanceof SimpleString) this.#text += `+${reply.text}\r\n`;
    else if (reply instanceof CommandError) this.#text += `-${reply.message.replace(/[\r\n]/g, ' ')}\r\n`;
    else {
      this.#text += `*${reply.length}\r\n`;
      for (const item of reply) this.#append(item);
    }
  }

  #appendBytes(bytes: Buffer): void {
    this.#text += `$${bytes.length}\r\n`;
    if (bytes.length < LARGE) this.#text += bytes.toString('latin1');
    else {
      this.flush();
      this.#output.write(bytes);
    }
    this.#text += '\r\n';
  }
}
