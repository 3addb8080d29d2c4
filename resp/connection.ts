// One pipelined connection: commands go out in order, replies come back to those who sent them. It retries nothing.

import { Command } from './command.ts';
import { Decoder, type DecoderLimits } from './decoder.ts';
import type { Encoder } from './encoder.ts';
import {
  ConnectionError,
  nameOf,
  ProtocolError,
  ReadOnlyError,
  ReplyError,
  RespError,
  TimeoutError,
} from './errors.ts';
import type { Peer } from './errors.ts';
import { InFlight } from './in-flight.ts';
import { Invalidations, type InvalidationSink } from './invalidations.ts';
import { Parts } from './parts.ts';
import type { Receiver, Reply, ReplyRun } from './reply.ts';
import { Secrets } from './secrets.ts';
import { Socket, type SocketSink } from './socket.ts';
import type { Tap } from './tap.ts';
import type { TlsHints, TlsOptions } from './tls-options.ts';
import { Writer } from './writer.ts';

/** Of a command, as it is asked one by one. */
export type Argument = string | Buffer | Parts;

export interface ConnectionOptions {
  readonly peer: Peer;
  /** Of a connection that only reads: the names of the commands that it sends. It refuses every other. */
  readonly readOnly?: ReadonlySet<string> | undefined;
  /** With it the connection is TLS, and the server's certificate is verified. */
  readonly tls?: TlsOptions | undefined;
  readonly tlsHints?: TlsHints | undefined;
  /** Milliseconds for the connect, TLS handshake included. */
  readonly connectTimeout: number;
  /** Milliseconds without progress, while a reply is due or bytes wait to go out, that end the connection. */
  readonly timeout: number;
  readonly limits?: DecoderLimits;
  readonly signal?: AbortSignal | undefined;
  /** Hears every byte that goes either way. */
  readonly tap?: Tap | undefined;
  /** What the peer may repeat, and nobody may see. */
  readonly secrets?: Secrets | undefined;
}

const OK = Buffer.from('OK');
const PONG: Reply = [Buffer.from('pong'), Buffer.alloc(0)];
/** How often a stall is looked for within the time that is allowed. */
const LOOKS_PER_TIMEOUT = 8;
/** A peer that owes so many replies has enough to do. */
const MANY_REPLIES = 512;
/** Bytes, in either direction, that are progress as a reply is: who sends one after the other makes none. */
const PROGRESS_BYTES = 1024 * 1024;

export class Connection {
  readonly peer: Peer;
  readonly readOnly: ReadonlySet<string> | undefined;
  readonly secrets: Secrets;
  readonly #timeout: number;
  readonly #decoder: Decoder;
  readonly #inFlight = new InFlight();
  #isSilent = true;
  /** An error that is all that the peer has said. */
  #onlyWords: ReplyError | undefined;
  #socket!: Socket;
  #writer!: Writer;
  #invalidations: Invalidations | undefined;
  #watch: NodeJS.Timeout | undefined;
  #paused = false;
  #pauses = 0;
  #error: Error | undefined;
  #wasIdle = false;

  /** Whether replies come so soon that who owes many is busy: over a long line it may have seen nothing yet. */
  isNear = false;
  readonly #listeners: (() => void)[] = [];

  private constructor(options: ConnectionOptions) {
    this.peer = options.peer;
    this.readOnly = options.readOnly;
    this.#timeout = options.timeout;
    this.secrets = options.secrets ?? new Secrets();
    this.#decoder = new Decoder(
      {
        onReply: (reply) => this.#onReply(reply),
        onOks: (count) => this.#onOks(count),
        onRun: (run) => this.#onRun(run),
        takesLong: () => this.#inFlight.next?.takesLong === true,
        onProtocolError: (why, hint) => this.failProtocol(why, hint),
        onFault: (error) => this.fail(error instanceof Error ? error : new Error(String(error))),
      },
      options.limits,
      this.secrets,
    );
  }

  /** @throws ConnectionError, TimeoutError, or the reason of the signal */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    connection.#socket = await Socket.connect(options.peer, connection.#sink(), options);
    connection.#writer = new Writer(
      connection.#socket,
      () => connection.#inFlight.write(),
      () => connection.isNear && connection.#inFlight.owed >= MANY_REPLIES,
    );
    connection.#watchProgress();
    return connection;
  }

  /** `listener` is called when a batch of replies was handed out, when a full writer has room again, and when the connection failed. */
  onProgress(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Why the connection is of no more use, if so. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Whether the peer hung up while nothing was asked of it: it may only have been tired of waiting. */
  get wasIdle(): boolean {
    return this.#wasIdle;
  }

  /** Whether the sender should wait for `onProgress`: the writer has enough to do, or nothing can be sent any more. */
  get full(): boolean {
    return this.#writer.full || this.#error !== undefined;
  }

  /** Replies that are still to come. */
  get inFlight(): number {
    return this.#inFlight.length;
  }

  /**
   * Starts a command: the caller writes its arguments to the encoder at once, and `receiver` gets the reply.
   * @throws ReadOnlyError, or the error that ended the connection
   */
  begin(command: Command, receiver: Receiver): Encoder {
    if (this.readOnly !== undefined && !command.isOn(this.readOnly)) throw new ReadOnlyError(command.name, this.peer);
    if (this.#error !== undefined) throw this.#error;
    this.#writer.schedule();
    this.#inFlight.queue(receiver);
    const encoder = this.#writer.encoder;
    encoder.command(command);
    return encoder;
  }

  /**
   * One command with its reply as a promise, for all that is not done per key.
   * @throws ReplyError, ReadOnlyError, or the error that ended the connection
   */
  request(name: string, ...args: readonly Argument[]): Promise<Reply> {
    return this.#request(false, name, args);
  }

  /** The same, where the reply may be an `Oversized`: see `keepUpTo`. */
  requestLong(name: string, ...args: readonly Argument[]): Promise<Reply> {
    return this.#request(true, name, args);
  }

  #request(takesLong: boolean, name: string, args: readonly Argument[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const encoder = this.begin(new Command(name, args.length), {
        takesLong,
        onReply: (reply) =>
          reply instanceof ReplyError ? reject(new ReplyError(reply.words, this.peer, this.secrets)) : resolve(reply),
        onOks: () => resolve(OK),
        onFailure: reject,
      });
      for (const arg of args) {
        if (arg instanceof Parts) encoder.bulkParts(arg);
        else encoder.bulk(typeof arg === 'string' ? Buffer.from(arg) : arg);
      }
    });
  }

  /** From now on the server may say unasked what CLIENT TRACKING tells a connection that subscribes. */
  onInvalidated(sink: InvalidationSink): void {
    this.#invalidations = new Invalidations(sink, {
      onPong: () => this.#onReply(PONG),
      onProtocolError: (why) => this.failProtocol(why),
    });
  }

  /** From now on a reply of more bytes is read past where it may be so long, and comes as an `Oversized`. */
  keepUpTo(bytes: number): void {
    this.#decoder.keptBulkLength = bytes;
  }

  /** When the last reply began to come that did not come at once, by `performance.now()`. */
  get longReplySince(): number {
    return this.#decoder.bulkSince;
  }

  /** How often reading was stopped. */
  get pauses(): number {
    return this.#pauses;
  }

  /** Stops reading: backpressure reaches the server. Silence meanwhile is no stall. */
  pause(): void {
    this.#writer.flush();
    this.#paused = true;
    this.#pauses++;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Sends what was begun and hangs up; later commands are refused. */
  close(): void {
    if (this.#error !== undefined) return;
    this.#writer.flush();
    this.#socket.end();
    this.#stop(new ConnectionError('CLOSED', `The connection to ${nameOf(this.peer)} is closed`, { peer: this.peer }));
  }

  /** Hangs up at once; everyone in flight gets `error`. */
  fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#socket.destroy();
    this.#stop(error);
  }

  #closed(error: ConnectionError): void {
    this.#wasIdle = this.#error === undefined && this.#inFlight.length === 0;
    this.fail(this.#onlyWords === undefined ? error : this.#turnedAway(this.#onlyWords));
  }

  #stop(error: Error): void {
    this.#error = error;
    clearInterval(this.#watch);
    this.#inFlight.fail(error);
    this.#tellProgress();
  }

  #tellProgress(): void {
    for (const listener of this.#listeners) listener();
  }

  #sink(): SocketSink {
    return {
      space: () => this.#decoder.space(),
      filled: (bytes) => {
        // What still comes after a `close` is read for the sake of the peer, and nobody waits for it.
        if (this.#error !== undefined) return true;
        this.#decoder.filled(bytes);
        if (!this.#writer.encoder.isEmpty) this.#writer.schedule();
        this.#tellProgress();
        return true;
      },
      onDrain: () => {
        this.#writer.drained();
        this.#tellProgress();
      },
      onClose: (error) => this.#closed(error),
    };
  }

  #onReply(reply: Reply): void {
    if (this.#invalidations?.take(reply)) return;
    this.#onlyWords = this.#isSilent && reply instanceof ReplyError ? reply : undefined;
    this.#isSilent = false;
    if (this.#inFlight.answer(reply)) return;
    if (this.#onlyWords === undefined) this.#failUnasked();
    else this.fail(this.#turnedAway(this.#onlyWords));
  }

  #onRun(run: ReplyRun): void {
    const { at } = run;
    if (this.#invalidations === undefined) this.#inFlight.read(run);
    else this.#invalidations.read(run);
    if (run.at === at) return;
    this.#isSilent = false;
    this.#onlyWords = undefined;
  }

  /** A server that lets nobody in, or nobody more, says so, be it before it is asked anything, and hangs up. */
  #turnedAway(cause: ReplyError): RespError {
    const { peer } = this;
    return new RespError(cause.code, `Cannot use ${nameOf(peer)}: ${cause.message}`, { peer, cause });
  }

  #onOks(count: number): void {
    this.#isSilent = false;
    this.#onlyWords = undefined;
    if (!this.#inFlight.answerOks(count)) this.#failUnasked();
  }

  #failUnasked(): void {
    this.failProtocol('it sends replies that nobody asked for');
  }

  /** The peer broke the protocol: nothing that it says can be trusted any more. */
  failProtocol(why: string, hint?: string): void {
    this.fail(new ProtocolError(`Cannot talk to ${nameOf(this.peer)}: ${why}`, { peer: this.peer, hint }));
  }

  /** A reply that is due has to come, and bytes that wait to go out have to leave, or much of them, in the time that is allowed. */
  #watchProgress(): void {
    let answered = 0;
    let bytes = 0;
    let since = 0;
    const look = (): void => {
      const now = performance.now();
      const isBlocked = this.#inFlight.due || this.#socket.needsDrain;
      const hasMoved = this.#inFlight.answered !== answered || this.#socket.progress - bytes >= PROGRESS_BYTES;
      if (this.#paused || !isBlocked || hasMoved) {
        answered = this.#inFlight.answered;
        bytes = this.#socket.progress;
        since = now;
      } else if (now - since >= this.#timeout) {
        this.fail(this.#stalled());
      }
    };
    look();
    this.#watch = setInterval(look, this.#timeout / LOOKS_PER_TIMEOUT).unref();
  }

  #stalled(): TimeoutError {
    const what = this.#socket.needsDrain ? 'it takes no data' : 'it does not reply';
    return new TimeoutError(`Gave up on ${nameOf(this.peer)}: for ${this.#timeout / 1000} s ${what}`, {
      peer: this.peer,
    });
  }
}
