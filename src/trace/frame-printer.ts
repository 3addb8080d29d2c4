// The bytes of one direction, frame by frame, as text in the quoting of redis-cli. However long a frame is, little of it is held.

import { Buffer } from 'node:buffer';
import { quoted } from '../../resp/quoting.ts';
import { SnapshotFrame } from '../../resp/snapshot-frame.ts';
import type { Glob } from '../scan/glob.ts';
import { formatCount } from '../../resp/figures.ts';

export interface PrintedFrame {
  readonly text: string;
  /** All that it took of the stream. */
  readonly bytes: number;
  /** Whether one of its strings, and be it the whole of it, is a name that is looked for. */
  readonly isMatch: boolean;
  /** Whether the server says it unasked. */
  readonly isUnasked: boolean;
}

export interface PrinterOptions {
  /** Bytes that are shown of each string. */
  readonly mostBytes: number;
  /** Names that are looked for. */
  readonly globs: readonly Glob[];
  readonly onFrame: (frame: PrintedFrame) => void;
}

/** Of a name that is looked for: a longer one is none. */
export const LONGEST_NAME = 16 * 1024;
/** Of a line that is no string: an error, a length. */
const LONGEST_LINE = 4096;
/** Characters of a frame. */
const LONGEST_TEXT = 64 * 1024;
const DEEPEST = 32;
const LF = 10;
const CR = 13;
const HIDDEN = '"***"';
/** What a server tells of keys and channels, whenever it likes. */
const UNASKED = new Set(['message', 'pmessage', 'invalidate']);
/** From here on a primary sends what it sends to its replicas. */
const STREAM = /^\+(?:CONTINUE|FULLRESYNC)\b/;

type State = 'line' | 'string' | 'string end' | 'snapshot' | 'lost';

export class FramePrinter {
  readonly #options: PrinterOptions;
  /** Whether arrays are commands. */
  #areCommands: boolean;
  #state: State = 'line';
  #line = Buffer.allocUnsafe(LONGEST_LINE);
  #lineBytes = 0;
  /** Elements that are still to come, of each array that is not over. */
  readonly #left: number[] = [];
  /** Of the string that comes: what is kept of it, and what is still to come. */
  readonly #kept: Buffer;
  #keptBytes = 0;
  #length = 0;
  #toCome = 0;
  #snapshot: SnapshotFrame | undefined;

  #bytes = 0;
  #text = '';
  /** Elements that the text has no room for. */
  #omitted = 0;
  #isMatch = false;
  #isUnasked = false;
  /** Of the frame: strings that have come, and those that come next and are secrets. */
  #strings = 0;
  #secrets = 0;
  #isHello = false;
  #isWhole = false;

  /** @param areCommands whether it is the direction of the client */
  constructor(areCommands: boolean, options: PrinterOptions) {
    this.#areCommands = areCommands;
    this.#options = options;
    this.#kept = Buffer.allocUnsafe(Math.max(options.mostBytes, options.globs.length > 0 ? LONGEST_NAME : 0, 8));
  }

  /** Bytes of a frame that is not whole yet. */
  get begun(): number {
    return this.#bytes;
  }

  read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const start = at;
      at = this.#step(chunk, at);
      this.#bytes += at - start;
      if (this.#isWhole) this.#end();
    }
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'line':
        return this.#readLine(chunk, at);
      case 'string':
        return this.#readString(chunk, at);
      case 'string end':
        return this.#readStringEnd(chunk, at);
      case 'snapshot':
        return this.#readSnapshot(chunk, at);
      default:
        this.#text = `(unreadable) "${quoted(chunk.subarray(at, at + this.#options.mostBytes))}"`;
        this.#isWhole = true;
        return chunk.length;
    }
  }

  #readLine(chunk: Buffer, at: number): number {
    const found = chunk.indexOf(LF, at);
    const end = found === -1 ? chunk.length : found;
    this.#lineBytes += chunk.copy(this.#line, this.#lineBytes, at, Math.min(end, at + LONGEST_LINE));
    if (found === -1) return end;
    const hasReturn = this.#line[this.#lineBytes - 1] === CR;
    const line = this.#line.subarray(0, this.#lineBytes - (hasReturn ? 1 : 0));
    this.#lineBytes = 0;
    this.#onLine(line);
    return end + 1;
  }

  #onLine(line: Buffer): void {
    const rest = quoted(line.subarray(1));
    switch (String.fromCharCode(line[0] ?? CR)) {
      case '*':
      case '>':
        return this.#onArray(lengthIn(line));
      case '$':
        return this.#onString(lengthIn(line));
      case '+':
        this.#show(rest);
        if (STREAM.test(line.toString('latin1'))) this.#beginStream(rest.startsWith('FULL'));
        break;
      case '-':
        this.#show(`(error) ${rest}`);
        break;
      case ':':
        this.#show(`(integer) ${rest}`);
        break;
      default:
        if (this.#left.length > 0) return this.#lose();
        this.#show(line.length === 0 ? '(empty line)' : `(line) "${quoted(line)}"`);
    }
    this.#elementEnds();
  }

  #onArray(length: number | null | undefined): void {
    if (length === undefined || this.#left.length === DEEPEST) return this.#lose();
    if (length === null || length === 0) {
      this.#show(length === null ? '(nil)' : '[]');
      return this.#elementEnds();
    }
    const isCommand = this.#areCommands && this.#left.length === 0;
    this.#show(isCommand ? '' : '[');
    this.#left.push(length);
  }

  #onString(length: number | null | undefined): void {
    if (length === undefined) return this.#lose();
    if (length === null) {
      this.#show('(nil)');
      return this.#elementEnds();
    }
    this.#length = this.#toCome = length;
    this.#keptBytes = 0;
    this.#state = 'string';
    if (length === 0) this.#stringEnds();
  }

  #readString(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#toCome);
    this.#keptBytes += chunk.copy(this.#kept, this.#keptBytes, at, end);
    this.#toCome -= end - at;
    if (this.#toCome > 0) return end;
    this.#stringEnds();
    return end;
  }

  #stringEnds(): void {
    this.#state = 'string end';
    this.#toCome = 2;
    const { mostBytes, globs } = this.#options;
    const bytes = this.#kept.subarray(0, this.#keptBytes);
    const isHidden = this.#isSecret(bytes);
    const shown = quoted(bytes.subarray(0, mostBytes));
    const more = this.#length > mostBytes ? `… (${formatCount(this.#length)} bytes)` : '';
    this.#show(isHidden ? HIDDEN : `"${shown}"${more}`);
    const isName = this.#length === bytes.length && !(this.#areCommands && this.#strings === 0);
    if (isName && !isHidden && globs.some((glob) => glob.matches(bytes))) this.#isMatch = true;
    this.#strings++;
  }

  /** What stands behind AUTH, as a command and within HELLO. */
  #isSecret(bytes: Buffer): boolean {
    if (!this.#areCommands) {
      if (this.#strings === 0 && this.#length < 10 && UNASKED.has(bytes.toString('latin1'))) this.#isUnasked = true;
      return false;
    }
    if (this.#secrets > 0) return this.#secrets-- > 0;
    const word = this.#length > 5 ? '' : bytes.toString('latin1').toUpperCase();
    if (word === 'AUTH' && this.#strings === 0) this.#secrets = Infinity;
    else if (word === 'AUTH' && this.#isHello) this.#secrets = 2;
    else if (word === 'HELLO' && this.#strings === 0) this.#isHello = true;
    return false;
  }

  #readStringEnd(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#toCome);
    this.#toCome -= end - at;
    if (this.#toCome > 0) return end;
    this.#state = 'line';
    this.#elementEnds();
    return end;
  }

  #readSnapshot(chunk: Buffer, at: number): number {
    const snapshot = this.#snapshot!;
    try {
      const end = snapshot.read(chunk, at);
      if (!snapshot.isOver) return end;
      this.#text = '(snapshot)';
      this.#isWhole = true;
      this.#state = 'line';
      this.#snapshot = undefined;
      return end;
    } catch {
      this.#lose();
      return at;
    }
  }

  #beginStream(hasSnapshot: boolean): void {
    this.#areCommands = true;
    if (!hasSnapshot) return;
    this.#snapshot = new SnapshotFrame(() => {});
    this.#state = 'snapshot';
  }

  #show(element: string): void {
    if (this.#text.length >= LONGEST_TEXT) this.#omitted++;
    else this.#text += element;
  }

  /** What separates elements, and what ends arrays. */
  #elementEnds(): void {
    for (let depth = this.#left.length - 1; depth >= 0; depth--) {
      const left = --this.#left[depth]!;
      const isCommand = this.#areCommands && depth === 0;
      if (left > 0) {
        if (this.#text.length < LONGEST_TEXT) this.#text += isCommand ? ' ' : ', ';
        return;
      }
      this.#left.pop();
      if (!isCommand && this.#omitted === 0) this.#text += ']';
    }
    this.#isWhole = true;
  }

  #lose(): void {
    this.#state = 'lost';
    this.#left.length = 0;
    this.#text += '(unreadable from here on)';
    this.#isWhole = true;
  }

  #end(): void {
    const { onFrame } = this.#options;
    const text = this.#omitted > 0 ? `${this.#text}… (${formatCount(this.#omitted)} more)` : this.#text;
    const frame = { text, bytes: this.#bytes, isMatch: this.#isMatch, isUnasked: this.#isUnasked };
    this.#isWhole = false;
    this.#bytes = 0;
    this.#text = '';
    this.#omitted = 0;
    this.#isMatch = false;
    this.#isUnasked = false;
    this.#isHello = false;
    this.#strings = 0;
    this.#secrets = 0;
    onFrame(frame);
  }
}

/** `null` for what is not there, `undefined` for what is no length. */
function lengthIn(line: Buffer): number | null | undefined {
  const text = line.toString('latin1', 1);
  if (text === '-1') return null;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
