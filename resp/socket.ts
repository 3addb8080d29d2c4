// A TCP stream as the RESP floor needs one; the only place that touches node:net. It knows bytes, no frames.

import net from 'node:net';
import { ConnectionError, nameOf, TimeoutError, type Peer } from './errors.ts';

/** Bytes that may wait in the process for the kernel before `needsDrain` says so. */
const HIGH_WATER_MARK = 1024 * 1024;
/** A longer piece is written in parts, so that a slow line shows progress. */
const PART_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

export interface SocketSink {
  /** Where to read to next. */
  space(): Buffer;
  /** Returns true: the socket reads on until `pause`. */
  filled(bytes: number): true;
  onDrain(): void;
  /** Once, whoever ended the connection; nothing comes after it. */
  onClose(error: ConnectionError): void;
}

export interface SocketOptions {
  /** Milliseconds for name resolution and connect together. */
  readonly connectTimeout: number;
  readonly signal?: AbortSignal | undefined;
}

export class Socket {
  readonly #socket: net.Socket;
  readonly #peer: Peer;

  private constructor(socket: net.Socket, peer: Peer, sink: SocketSink) {
    this.#socket = socket;
    this.#peer = peer;
    let cause: (Error & { code?: string }) | undefined;
    socket.on('drain', () => sink.onDrain());
    socket.on('error', (error) => (cause = error));
    socket.on('close', () => sink.onClose(this.#closed(cause)));
  }

  /** @throws ConnectionError, TimeoutError, or the reason of the signal */
  static connect(peer: Peer, sink: SocketSink, options: SocketOptions): Promise<Socket> {
    const { signal, connectTimeout } = options;
    const socket = net.connect({
      host: peer.host,
      port: peer.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      writableHighWaterMark: HIGH_WATER_MARK,
      onread: { buffer: () => sink.space(), callback: (bytes: number) => sink.filled(bytes) },
    } as net.TcpNetConnectOpts);
    return new Promise<Socket>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        socket.off('error', onError);
      };
      const fail = (error: unknown): void => {
        settle();
        socket.on('error', () => {}).destroy();
        reject(error);
      };
      const onAbort = (): void => fail(signal?.reason);
      const onError = (error: Error): void => fail(notConnected(peer, error));
      const timer = setTimeout(() => fail(timedOut(peer, connectTimeout)), connectTimeout);
      socket.once('error', onError);
      socket.once('connect', () => {
        settle();
        resolve(new Socket(socket, peer, sink));
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** A number that grows with every byte that went either way. */
  get progress(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** Writes the pieces in one go where they are small. `onWritten` is called when the kernel has taken the last of them. */
  write(pieces: readonly Buffer[], onWritten: (() => void) | undefined): void {
    this.#socket.cork();
    for (const piece of pieces) {
      if (piece.length > PART_BYTES) this.#writeParts(piece);
      else this.#socket.write(piece, piece === pieces.at(-1) ? onWritten : undefined);
    }
    this.#socket.uncork();
  }

  /** Stops reading, so that the peer feels it. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends what is left, then closes, whatever the peer does: it keeps no process alive. */
  end(): void {
    this.#socket.destroySoon();
    this.#socket.unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #writeParts(piece: Buffer): void {
    this.#socket.uncork();
    for (let at = 0; at < piece.length; at += PART_BYTES) this.#socket.write(piece.subarray(at, at + PART_BYTES));
    this.#socket.cork();
  }

  #closed(cause: (Error & { code?: string }) | undefined): ConnectionError {
    const why = cause === undefined ? 'the peer closed it' : (cause.code ?? cause.message);
    const code = cause?.code ?? 'CLOSED';
    return new ConnectionError(code, `Lost the connection to ${nameOf(this.#peer)}: ${why}`, {
      peer: this.#peer,
      cause,
    });
  }
}

function notConnected(peer: Peer, cause: Error & { code?: string }): ConnectionError {
  // A host with several addresses fails with one error for each; the last tried says enough.
  const last = cause instanceof AggregateError ? (cause.errors.at(-1) as Error & { code?: string }) : cause;
  const code = last.code ?? 'CONNECT';
  const why = CONNECT_FAILURES[code] ?? last.message;
  return new ConnectionError(code, `Cannot connect to ${nameOf(peer)}: ${why}`, { peer, cause });
}

const CONNECT_FAILURES: Record<string, string> = {
  ECONNREFUSED: 'connection refused, nothing listens there',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: 'the peer reset the connection',
};

function timedOut(peer: Peer, ms: number): TimeoutError {
  return new TimeoutError(`Cannot connect to ${nameOf(peer)}: no answer within ${ms / 1000} s`, { peer });
}
