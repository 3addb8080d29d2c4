// A stream over TCP, TLS or a Unix socket; beside listener.ts the only place that touches node:net. It knows bytes, no frames.

import { X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { connectFailure, connectTimeout, lostConnection, type Attempt } from './connect-failure.ts';
import type { ConnectionError, Peer } from './errors.ts';
import { Ring } from './ring.ts';
import type { Tap } from './tap.ts';
import { checkTlsOptions, serverNameOf, type TlsHints, type TlsOptions } from './tls-options.ts';

/** Bytes that may wait in the process for the kernel before `needsDrain` says so. */
const HIGH_WATER_MARK = 1024 * 1024;
/** What is longer is written one part after the other: of a write the system tells only when all of it is done. */
const PART_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;
/** For a peer to hang up after we did. */
const LINGER_MS = 5000;

export interface SocketSink {
  /** Where to read to next. */
  space(): Buffer;
  /** Returns true: the socket reads on until `pause`. */
  filled(bytes: number): true;
  onDrain(): void;
  /** Once, whoever ended the connection; nothing comes after it. */
  onClose(error: ConnectionError): void;
}

/** Bytes that wait for those before them. */
interface Part {
  readonly bytes: Buffer;
  readonly onWritten: (() => void) | undefined;
}

export interface SocketOptions {
  /** Hears what goes either way. */
  readonly tap?: Tap | undefined;
  /** Milliseconds for name resolution, connect and TLS handshake together. */
  readonly connectTimeout: number;
  /** With it the connection is TLS. */
  readonly tls?: TlsOptions | undefined;
  readonly tlsHints?: TlsHints | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Socket {
  readonly #socket: net.Socket;
  readonly #peer: Peer;
  readonly #tls: TlsOptions | undefined;
  readonly #tlsHints: TlsHints | undefined;
  readonly #asked: boolean;
  readonly #tap: Tap | undefined;
  readonly #sink: SocketSink;
  /** Of long writes, and all that came after them; the part that is being written is none of them any more. */
  readonly #parts = new Ring<Part>();
  #isBehind = false;
  #isEnding = false;
  /** It was closed from here. */
  #isOver = false;

  private constructor(socket: net.Socket, peer: Peer, sink: SocketSink, { tls, tlsHints, tap }: SocketOptions) {
    this.#socket = socket;
    this.#sink = sink;
    this.#peer = peer;
    this.#tls = tls;
    this.#tlsHints = tlsHints;
    this.#tap = tap;
    this.#asked = asksForCertificate(socket);
    let cause: Error | undefined;
    socket.on('drain', () => {
      if (!this.#isBehind) sink.onDrain();
    });
    socket.on('error', (error) => (cause = error));
    socket.on('close', () => {
      const reason = this.#closed(cause);
      tap?.onClosed(this.#isOver ? undefined : reason);
      sink.onClose(reason);
    });
  }

  /** @throws ConnectionError, TimeoutError, or the reason of the signal */
  static async connect(peer: Peer, sink: SocketSink, options: SocketOptions): Promise<Socket> {
    const { signal, tls, tlsHints: hints, tap } = options;
    const reading = tap === undefined ? onRead(sink) : onTappedRead(sink, tap);
    const socket = tls === undefined ? connectPlain(peer, reading) : connectTls(peer, reading, tls, hints);
    return new Promise<Socket>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        socket.off('error', onError);
      };
      const fail = (error: unknown): void => {
        settle();
        socket.on('error', () => {}).destroy();
        tap?.onClosed(error as Error);
        reject(error);
      };
      const attempt = (): Attempt => ({ peer, tls, hints, connected: !socket.connecting });
      const onAbort = (): void => fail(signal?.reason);
      const onError = (error: Error): void => fail(connectFailure(error, attempt()));
      const onTimeout = (): void => fail(connectTimeout(options.connectTimeout, attempt()));
      const timer = setTimeout(onTimeout, options.connectTimeout);
      socket.once('error', onError);
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        settle();
        resolve(new Socket(socket, peer, sink, options));
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  get needsDrain(): boolean {
    return this.#isBehind || this.#socket.writableNeedDrain;
  }

  /** Whether the kernel has taken all that was written. */
  get isIdle(): boolean {
    return !this.#isBehind && this.#socket.writableLength === 0;
  }

  /** A number that grows with every byte that went either way. */
  get progress(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /**
   * Writes the pieces, in one go where they are short.
   * @param onWritten called when the kernel has taken the last of them, or the socket is lost
   */
  write(pieces: readonly Buffer[], onWritten: (() => void) | undefined): void {
    if (this.#tap !== undefined) for (const piece of pieces) this.#tap.onSent(piece);
    const isLong = pieces.reduce((bytes, { length }) => bytes + length, 0) > PART_BYTES;
    if (isLong || this.#isBehind) return this.#writeParts(pieces, onWritten);
    const last = pieces.length - 1;
    this.#socket.cork();
    for (let i = 0; i <= last; i++) this.#socket.write(pieces[i]!, i === last ? onWritten : undefined);
    this.#socket.uncork();
  }

  /** Stops reading, so that the peer feels it. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Sends what is left and hangs up; it keeps no process alive. Reads on until the peer hangs up as well: a socket that is
   * closed with bytes unread, and be it the session tickets of TLS, makes the system throw away what it had yet to send.
   */
  end(): void {
    this.#isOver = true;
    this.#socket.resume();
    this.#socket.unref();
    if (this.#isBehind) this.#isEnding = true;
    else this.#socket.end(() => setTimeout(() => this.#socket.destroy(), LINGER_MS).unref());
  }

  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #writeParts(pieces: readonly Buffer[], onWritten: (() => void) | undefined): void {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += PART_BYTES) {
        const isLast = piece === pieces.at(-1) && at + PART_BYTES >= piece.length;
        this.#parts.push({ bytes: piece.subarray(at, at + PART_BYTES), onWritten: isLast ? onWritten : undefined });
      }
    }
    if (!this.#isBehind) this.#writeNext();
  }

  #writeNext(): void {
    const part = this.#parts.shift();
    this.#isBehind = part !== undefined;
    if (part !== undefined) {
      this.#socket.write(part.bytes, () => {
        part.onWritten?.();
        this.#writeNext();
      });
    } else if (this.#isEnding) this.end();
    else if (!this.needsDrain) this.#sink.onDrain();
  }

  #closed(cause: Error | undefined): ConnectionError {
    return lostConnection(cause, {
      peer: this.#peer,
      tls: this.#tls,
      hints: this.#tlsHints,
      heard: this.#socket.bytesRead > 0,
      asked: this.#asked,
    });
  }
}

function connectPlain(peer: Peer, onread: net.OnReadOpts): net.Socket {
  const options: net.NetConnectOpts & { writableHighWaterMark: number } = {
    ...peer,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    writableHighWaterMark: HIGH_WATER_MARK,
    onread,
  };
  return net.connect(options);
}

/** @throws ConnectionError where the certificates or the key are of no use */
function connectTls(
  peer: Peer,
  onread: net.OnReadOpts,
  options: TlsOptions,
  hints: TlsHints | undefined,
): tls.TLSSocket {
  checkTlsOptions(options, peer, hints);
  const { ca, cert, key, insecure } = options;
  const name = serverNameOf(options, peer);
  const all: tls.ConnectionOptions & { highWaterMark: number; onread: net.OnReadOpts } = {
    ...peer,
    ca,
    cert,
    key,
    // Said outright, so that no environment variable can turn it off.
    rejectUnauthorized: insecure !== true,
    // An IP address is checked like any name, but must not be sent ahead of the handshake.
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) =>
      isForAddress(certificate, name) ? undefined : tls.checkServerIdentity(name, certificate),
    highWaterMark: HIGH_WATER_MARK,
    onread,
  };
  try {
    const socket = tls.connect(all);
    // Unlike net.connect, tls.connect does not know these as options.
    return socket.once('connect', () => socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS));
  } catch (error) {
    throw connectFailure(error as Error, { peer, tls: options, hints, connected: false });
  }
}

/** On this side only a request for our certificate brings a list of algorithms to sign with. */
function asksForCertificate(socket: net.Socket): boolean {
  return socket instanceof tls.TLSSocket && socket.getSharedSigalgs().length > 0;
}

/** Whether the name is an IP address, and the certificate is for it, however it is spelt: Node 22 compares the texts. */
function isForAddress({ raw }: tls.PeerCertificate, name: string): boolean {
  return net.isIP(name) !== 0 && new X509Certificate(raw).checkIP(name) !== undefined;
}

function onRead(sink: SocketSink): net.OnReadOpts {
  return { buffer: () => sink.space(), callback: (bytes: number) => sink.filled(bytes) };
}

function onTappedRead(sink: SocketSink, tap: Tap): net.OnReadOpts {
  let space: Buffer;
  return {
    buffer: () => (space = sink.space()),
    callback: (bytes: number) => {
      tap.onReceived(space.subarray(0, bytes));
      return sink.filled(bytes);
    },
  };
}
