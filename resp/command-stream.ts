// Commands as a primary sends them to its replicas, read as they come: each argument is handed on only where somebody wants it,
// and each byte is counted. It knows neither sockets nor what a command does.

import { countOf } from './figures.ts';
import { Buffer } from 'node:buffer';
import { ProtocolError } from './errors.ts';
import { LONGEST_STRING } from './reply.ts';

/** Of arguments. Servers take 1,048,576 from a client, and send more where a script or a module makes the command. */
const MOST_ARGUMENTS = 2 ** 31 - 1;
/** Of the name: what is longer is none. */
const LONGEST_NAME = 128;
/** Characters of a head such as `*3` or `$12`. */
const LONGEST_HEAD = 12;
const [CR, LF, STAR, DOLLAR, ZERO] = [13, 10, 42, 36, 48] as const;

/** Nothing here may throw. */
export interface CommandSink {
  /** A command begins. @param name as it was sent, one character a byte */
  onName(name: string, args: number): void;
  /** Whether the argument is to be handed on. It may be as long as this says. @param index 1 for the first one behind the name */
  wants(index: number, length: number): boolean;
  /** @param bytes they hold until the call returns */
  onArgument(index: number, bytes: Buffer): void;
  /** Of a command, or of an empty line that keeps the connection alive. @param bytes that it took of the stream */
  onEnd(bytes: number): void;
}

type State = 'between' | 'head' | 'argument' | 'argument end';

export class CommandStream {
  readonly #sink: CommandSink;
  #state: State = 'between';
  /** The number that a head tells, as far as it came. */
  #figure = 0;
  #digits = 0;
  #hasReturn = false;
  /** Whether the `$` of an argument's head has come. */
  #isMarked = false;
  /** Of the command: all its arguments, and those that are over. The name is the first. */
  #count = 0;
  #index = 0;
  /** Of the argument: bytes that are still to come. */
  #left = 0;
  #isWanted = false;
  /** A wanted argument that came in several chunks, and how much of it there is. */
  #gathered: Buffer | undefined;
  #filled = 0;
  /** Of the stream, since the end of the last command. */
  #bytes = 0;

  constructor(sink: CommandSink) {
    this.#sink = sink;
  }

  /** @throws ProtocolError: these are no commands, and nothing can be read any more */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const start = at;
      if (this.#state === 'argument') at = this.#readArgument(chunk, at);
      else at = this.#readFrame(chunk, at);
      this.#bytes += at - start;
      if (this.#state === 'between') this.#end();
    }
  }

  /** One step in what is around the arguments. Returns where it ends. */
  #readFrame(chunk: Buffer, at: number): number {
    const byte = chunk[at]!;
    if (this.#state === 'head') return this.#readHead(chunk, at);
    if (this.#state === 'argument end') {
      if (byte !== (this.#hasReturn ? LF : CR)) throw broken('an argument is longer than was said');
      if (this.#hasReturn) this.#argumentEnds();
      else this.#hasReturn = true;
      return at + 1;
    }
    if (byte === LF || byte === CR) return at + 1;
    if (byte !== STAR) throw broken('a command is no array');
    this.#headBegins();
    return at + 1;
  }

  #headBegins(): void {
    this.#state = 'head';
    this.#figure = 0;
    this.#digits = 0;
    this.#hasReturn = false;
    this.#isMarked = false;
  }

  /** Digits and their line end, as far as they are here. */
  #readHead(chunk: Buffer, start: number): number {
    let at = start;
    // The first head of a command is that of the array, whose mark is read already.
    const needsMark = this.#count > 0;
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#hasReturn) {
        if (byte !== LF || this.#digits === 0) throw broken('a length has no end');
        this.#headEnds();
        return at + 1;
      }
      if (byte >= ZERO && byte <= ZERO + 9 && (!needsMark || this.#isMarked)) {
        this.#figure = this.#figure * 10 + byte - ZERO;
        if (++this.#digits > LONGEST_HEAD) throw broken('a length has no end');
      } else if (byte === CR) this.#hasReturn = true;
      else if (byte === DOLLAR && needsMark && !this.#isMarked) this.#isMarked = true;
      else throw broken('a length is no number');
    }
    return at;
  }

  #headEnds(): void {
    if (this.#count === 0) {
      if (this.#figure === 0 || this.#figure > MOST_ARGUMENTS) throw broken(`a command has ${this.#figure} arguments`);
      this.#count = this.#figure;
      this.#index = 0;
      this.#headBegins();
      return;
    }
    const length = this.#figure;
    if (length > LONGEST_STRING) throw broken(`an argument has ${countOf(length, 'byte')}`);
    if (this.#index === 0 && length > LONGEST_NAME)
      throw broken(`the name of a command has ${countOf(length, 'byte')}`);
    this.#left = length;
    this.#isWanted = this.#index === 0 || this.#sink.wants(this.#index, length);
    this.#gathered = undefined;
    this.#state = 'argument';
    if (length === 0) this.#argumentFilled(NOTHING);
  }

  /** As much of the argument as is here. */
  #readArgument(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    const bytes = end - at;
    const isWhole = bytes === this.#left && this.#gathered === undefined;
    if (this.#isWanted && !isWhole) {
      this.#gathered ??= this.#gather();
      this.#filled += chunk.copy(this.#gathered, this.#filled, at, end);
    }
    this.#left -= bytes;
    if (this.#left > 0) return end;
    if (!this.#isWanted) this.#argumentFilled(NOTHING);
    else this.#argumentFilled(this.#gathered ?? chunk.subarray(at, end));
    return end;
  }

  #gather(): Buffer {
    this.#filled = 0;
    return Buffer.allocUnsafe(this.#left);
  }

  #argumentFilled(bytes: Buffer): void {
    this.#state = 'argument end';
    this.#hasReturn = false;
    this.#gathered = undefined;
    if (this.#index === 0) this.#sink.onName(bytes.toString('latin1'), this.#count - 1);
    else if (this.#isWanted) this.#sink.onArgument(this.#index, bytes);
  }

  #argumentEnds(): void {
    if (++this.#index < this.#count) this.#headBegins();
    else this.#state = 'between';
  }

  #end(): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.#count = 0;
    this.#sink.onEnd(bytes);
  }
}

const NOTHING = Buffer.alloc(0);

function broken(why: string): ProtocolError {
  return new ProtocolError(`What is sent to replicas cannot be read: ${why}`);
}
