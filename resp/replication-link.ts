// A connection in the role of a replica: what stands before the stream of commands is read here, and the stream handed on as it
// comes. It acknowledges nothing, so that nobody counts on what it has read, and sends no command but those of a replica.

import { Buffer } from 'node:buffer';
import type { ConnectionOptions } from './connection.ts';
import { ConnectionError, nameOf, ProtocolError, ReplyError, RespError, TimeoutError, type Peer } from './errors.ts';
import { login, type LoginOptions } from './handshake.ts';
import { Ring } from './ring.ts';
import { Secrets } from './secrets.ts';
import { SnapshotFrame } from './snapshot-frame.ts';
import { Socket, type SocketSink } from './socket.ts';

export interface ReplicationOptions
  extends
    LoginOptions,
    Pick<ConnectionOptions, 'peer' | 'tls' | 'tlsHints' | 'connectTimeout' | 'signal' | 'tap' | 'secrets'> {
  /** Milliseconds without a byte that end it, as long as something is due: later the primary need not say anything. */
  readonly timeout: number;
  /** Milliseconds that a primary may take to make a snapshot, while it says that it is at it. */
  readonly preparation: number;
}

/** Nothing here may throw. Bytes hold until the call returns. */
export interface ReplicationSink {
  /** As `start` tells it; whatever comes behind it follows at once. */
  onStart(start: ReplicationStart): void;
  /** A part of the snapshot: as it stands in the file. */
  onSnapshot(bytes: Buffer): void;
  /** All of it has come, or there is none; the stream follows. */
  onSnapshotEnd(): void;
  onStream(bytes: Buffer): void;
  /** It was lost; after `close` nobody is told. */
  onLost(error: Error): void;
}

/** A history of writes, and how many bytes of it are known. */
export interface ReplicationPoint {
  readonly replicationId: string;
  readonly offset: number;
}

/** `continue`: the stream goes on behind the point that was asked for. `full`: a snapshot of this point comes first. */
export interface ReplicationStart extends ReplicationPoint {
  readonly kind: 'continue' | 'full';
}

type Phase = 'lines' | 'snapshot' | 'stream' | 'ended';

interface Waiting {
  readonly resolve: (line: Buffer) => void;
  readonly reject: (error: Error) => void;
}

const CHUNK_BYTES = 64 * 1024;
/** Of a line before the stream: the longest are error replies. */
const LONGEST_LINE = 4096;
/** Of a bulk string there. */
const LONGEST_BULK = 64 * 1024;
const ACK_MS = 1000;
/** In the first of these seconds. */
const SOON_ACKS = 10;
const LOOKS_PER_TIMEOUT = 8;
const [LF, CR, MINUS] = [10, 13, 45] as const;
const FULL = /^\+FULLRESYNC ([0-9a-f]{40}) (\d{1,15})$/;
const BULK = /^\$(\d{1,9})$/;
const CONTINUE = /^\+CONTINUE(?: ([0-9a-f]{40}))?$/;

export class ReplicationLink {
  readonly peer: Peer;
  readonly secrets: Secrets;
  readonly #options: ReplicationOptions;
  readonly #sink: ReplicationSink;
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly #waiting = new Ring<Waiting>();
  #socket!: Socket;
  #phase: Phase = 'lines';
  #line = '';
  /** A bulk string that is being read, and how many bytes of it are to come, its end included. */
  #bulk = '';
  #bulkLeft = 0;
  /** What was asked for, and when; what came of it. */
  #point: ReplicationPoint | undefined;
  #askedAt = Infinity;
  #started: ReplicationStart | undefined;
  #snapshot: SnapshotFrame | undefined;
  #isPaused = false;
  #hasHeard = false;
  #watch: NodeJS.Timeout | undefined;
  #acks: NodeJS.Timeout | undefined;
  /** Whoever opens it cannot close it yet. */
  readonly #onAbort = (): void => this.fail(this.#options.signal!.reason as Error);

  private constructor(options: ReplicationOptions, sink: ReplicationSink) {
    this.peer = options.peer;
    this.secrets = options.secrets ?? new Secrets();
    this.#options = options;
    this.#sink = sink;
  }

  /**
   * Connects, logs in, and says that it is a replica.
   * @throws ConnectionError, TimeoutError, ReplyError, RespError as `login` does, or the reason of the signal
   */
  static async open(options: ReplicationOptions, sink: ReplicationSink): Promise<ReplicationLink> {
    const link = new ReplicationLink(options, sink);
    link.#socket = await Socket.connect(options.peer, link.#reader(), options);
    link.#watchProgress();
    options.signal?.addEventListener('abort', link.#onAbort, { once: true });
    try {
      options.signal?.throwIfAborted();
      await login(link, options);
      await link.request('PING');
      await link.request('REPLCONF', 'listening-port', '0');
      await link.request('REPLCONF', 'capa', 'eof', 'capa', 'psync2');
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Asks for snapshots that hold no key. Returns whether the primary knows such: since Redis 7.0. */
  wantNoKeys(): Promise<boolean> {
    return this.#offer('rdb-filter-only', '');
  }

  /**
   * Says which version the replica has: from Valkey 9.0 on a primary takes it for an old one otherwise, and makes no snapshot of
   * what such a replica cannot read. Returns whether the primary asks for that.
   */
  tellVersion(version: string): Promise<boolean> {
    return this.#offer('version', version);
  }

  async #offer(name: string, value: string): Promise<boolean> {
    try {
      await this.request('REPLCONF', name, value);
      return true;
    } catch (error) {
      if (error instanceof ReplyError) return false;
      throw error;
    }
  }

  /** What the server says of itself. @throws what `request` throws */
  async askInfo(): Promise<string> {
    return utf8Of((await this.request('INFO', 'server')).toString('latin1'));
  }

  /**
   * Asks for the stream behind a point, or for a snapshot and the stream behind that.
   * @throws ReplyError where the primary will not; what `request` throws
   */
  async start(point: ReplicationPoint | undefined): Promise<ReplicationStart> {
    const asked = point === undefined ? (['?', '-1'] as const) : [point.replicationId, String(point.offset + 1)];
    this.#point = point;
    this.#askedAt = performance.now();
    await this.request('PSYNC', ...asked);
    if (this.#started === undefined) throw this.#broken('it answers PSYNC with something else');
    return this.#started;
  }

  /** @throws ReplyError, or what ended the link */
  request(name: string, ...args: readonly (string | Buffer)[]): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#phase !== 'lines') return reject(this.#broken('the link is of no more use'));
      this.#waiting.push({ resolve, reject });
      this.#send(name, ...args);
    });
  }

  /** Stops reading, so that the primary feels it; what was read already is still handed on. */
  pause(): void {
    if (this.#phase === 'ended') return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (this.#phase === 'ended' || !this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Hangs up; nothing more is told. */
  close(): void {
    if (this.#phase === 'ended') return;
    this.#socket.end();
    const { peer } = this;
    this.#end(new ConnectionError('CLOSED', `The connection to ${nameOf(peer)} is closed`, { peer }));
  }

  /** Hangs up at once, as if it had been lost. */
  fail(error: Error): void {
    if (this.#phase === 'ended') return;
    this.#socket.destroy();
    this.#end(error);
    this.#sink.onLost(error);
  }

  #end(error: Error): void {
    this.#phase = 'ended';
    clearInterval(this.#watch);
    clearInterval(this.#acks);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.reject(error);
  }

  #reader(): SocketSink {
    return {
      space: () => this.#chunk,
      filled: (bytes) => {
        this.#guardedRead(this.#chunk.subarray(0, bytes));
        return true;
      },
      onDrain: () => {},
      onClose: (error) => this.fail(error),
    };
  }

  /** A socket's callback must not throw. */
  #guardedRead(chunk: Buffer): void {
    this.#hasHeard = true;
    try {
      this.#read(chunk);
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#phase === 'lines')
      at = this.#bulkLeft > 0 ? this.#readBulk(chunk, at) : this.#readLine(chunk, at);
    if (this.#phase === 'snapshot') at = this.#readSnapshot(chunk, at);
    // Once it has ended, what still comes is read for the sake of the peer.
    if (this.#phase === 'stream' && at < chunk.length) this.#sink.onStream(chunk.subarray(at));
  }

  /** Returns where the line ends, or the chunk. */
  #readLine(chunk: Buffer, at: number): number {
    const found = chunk.indexOf(LF, at);
    const end = found === -1 ? chunk.length : found;
    if (this.#line.length + end - at > LONGEST_LINE) throw this.#broken('it sends a line without an end');
    this.#line += chunk.toString('latin1', at, end);
    if (found === -1) return end;
    const line = this.#line.charCodeAt(this.#line.length - 1) === CR ? this.#line.slice(0, -1) : this.#line;
    this.#line = '';
    // An empty line says that a snapshot is being made.
    if (line !== '') this.#onLine(line);
    return end + 1;
  }

  /** As `#readLine`. */
  #readBulk(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#bulkLeft);
    this.#bulk += chunk.toString('latin1', at, end);
    this.#bulkLeft -= end - at;
    if (this.#bulkLeft > 0) return end;
    const bulk = Buffer.from(this.#bulk.slice(0, -2), 'latin1');
    this.#bulk = '';
    this.#waiting.shift()!.resolve(bulk);
    return end;
  }

  #onLine(line: string): void {
    const isError = line.charCodeAt(0) === MINUS;
    const error = isError ? new ReplyError(utf8Of(line.slice(1)), this.peer, this.secrets) : undefined;
    if (this.#waiting.length === 0) {
      throw error === undefined ? this.#broken('it sends what nobody asked for') : this.#turnedAway(error);
    }
    const [, bytes] = (this.#askedAt === Infinity && BULK.exec(line)) || [];
    if (bytes !== undefined && Number(bytes) <= LONGEST_BULK) {
      this.#bulkLeft = Number(bytes) + 2;
      return;
    }
    // Whoever waits hears of what is thrown as well.
    if (error === undefined && !line.startsWith('+')) throw this.#broken('it answers with something else than a line');
    const waiting = this.#waiting.shift()!;
    if (error !== undefined) return waiting.reject(error);
    // Before who has asked can look: what follows in this chunk is no line.
    if (this.#askedAt !== Infinity) this.#begin(line);
    waiting.resolve(Buffer.from(line, 'latin1'));
  }

  #begin(line: string): void {
    const point = this.#point;
    const [, fullId, offset] = FULL.exec(line) ?? [];
    const [continued, newId] = CONTINUE.exec(line) ?? [];
    if (fullId !== undefined) {
      this.#started = { kind: 'full', replicationId: fullId, offset: Number(offset) };
      this.#snapshot = new SnapshotFrame((bytes) => this.#sink.onSnapshot(bytes));
      this.#phase = 'snapshot';
      this.#sink.onStart(this.#started);
    } else if (continued !== undefined && point !== undefined) {
      this.#started = { ...point, kind: 'continue', replicationId: newId ?? point.replicationId };
      this.#sink.onStart(this.#started);
      this.#streamBegins();
    }
  }

  #readSnapshot(chunk: Buffer, at: number): number {
    const end = this.#snapshot!.read(chunk, at);
    // The sink may have ended the link.
    if (this.#snapshot!.isOver && this.#phase === 'snapshot') {
      this.#snapshot = undefined;
      this.#streamBegins();
    }
    return end;
  }

  #streamBegins(): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'stream';
    // A primary sends nothing behind a snapshot until the replica has said that it has it.
    this.#acknowledge();
    // While it does not know yet that its child is done with the snapshot, it does not hear that.
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      if (ticks < SOON_ACKS || ticks % SOON_ACKS === 0) this.#acknowledge();
    };
    this.#acks = setInterval(tick, ACK_MS / SOON_ACKS).unref();
    this.#sink.onSnapshotEnd();
  }

  #acknowledge(): void {
    // Who takes no bytes needs no more of them.
    if (!this.#socket.needsDrain) this.#send('REPLCONF', 'ACK', '0');
  }

  #send(...words: readonly (string | Buffer)[]): void {
    const head = Buffer.from(`*${words.length}\r\n`);
    const frames = words.flatMap((word) => {
      const bytes = Buffer.from(word);
      return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
    });
    this.#socket.write([Buffer.concat([head, ...frames])], undefined);
  }

  /** While lines and the snapshot are due, bytes have to come; a primary in between makes the snapshot, and says so. */
  #watchProgress(): void {
    const { timeout, preparation } = this.#options;
    let since = performance.now();
    const look = (): void => {
      const now = performance.now();
      const isDue = this.#phase === 'snapshot' || (this.#phase === 'lines' && this.#waiting.length > 0);
      if (this.#hasHeard || this.#isPaused || !isDue) since = now;
      this.#hasHeard = false;
      const isMade = this.#askedAt !== Infinity && this.#snapshot?.hasBegun !== true && this.#phase !== 'stream';
      if (now - since >= timeout) this.#giveUp(timeout, 'it does not reply');
      else if (isMade && now - this.#askedAt >= preparation) this.#giveUp(preparation, 'it makes a snapshot');
    };
    this.#watch = setInterval(look, Math.min(timeout, preparation) / LOOKS_PER_TIMEOUT).unref();
  }

  #giveUp(ms: number, what: string): void {
    const { peer } = this;
    this.fail(new TimeoutError(`Gave up on ${nameOf(peer)}: for ${ms / 1000} s ${what}`, { peer }));
  }

  /** A server that lets nobody in, or nobody more, says so, be it before it is asked anything. */
  #turnedAway(cause: ReplyError): RespError {
    const { peer } = this;
    return new RespError(cause.code, `Cannot use ${nameOf(peer)}: ${cause.message}`, { peer, cause });
  }

  #broken(why: string): ProtocolError {
    const { peer } = this;
    return new ProtocolError(`Cannot follow ${nameOf(peer)}: ${why}`, { peer });
  }
}

/** @param text one character a byte */
function utf8Of(text: string): string {
  return Buffer.from(text, 'latin1').toString();
}
