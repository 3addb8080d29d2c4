// One direction of one proxied connection: a queue of bytes, each chunk with the moment from which it may go on.
import type { Socket } from 'node:net';

/** What one direction of all connections has in common; the proxy sets it, the pipes obey and count. */
export interface Gate {
  /** Milliseconds that bytes stay on the way. */
  delay: number;
  open: boolean;
  /** Bytes handed on. */
  bytes: number;
  /** Bytes that may still pass before `cut` is called. */
  left: number;
  /** Bytes that do not pass: the connection on which they come is reset, or stands still from there on. */
  forbidden: Buffer | undefined;
  holds: boolean;
  /** How often they came. */
  met: number;
  readonly cut: () => void;
}

interface Parcel {
  readonly due: number;
  /** `null` stands for the end of the stream. */
  readonly bytes: Buffer | null;
}

/** Bytes that may be on the way: 1 GB/s at 60 ms. Above that the sender has to wait, so that memory stays bounded. */
const ON_THE_WAY = 64 * 1024 * 1024;

/** Timers of Node know whole milliseconds: half a one too early beats a whole one too late. */
const TIMER_MS = 0.5;

/** Ends a connection with RST; with FIN where its end is on its way, as Node would then leave it open for ever. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

export class ProxyPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #gate: Gate;
  #parcels: Parcel[] = [];
  #queued = 0;
  /** The end of what has passed, as long as what is forbidden: it may come in two parts. */
  #tail = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #discards = false;
  /** What is held back since what is forbidden came. */
  #held: Buffer[] | undefined;

  constructor(from: Socket, to: Socket, gate: Gate) {
    this.#from = from;
    this.#to = to;
    this.#gate = gate;
    from.on('data', (bytes: Buffer) => {
      const passing = this.#placeOfForbidden(bytes);
      if (passing === undefined) this.#take(bytes);
      else if (gate.holds) this.#hold(bytes, passing);
      else this.#reset();
    });
    from.on('end', () => this.#take(null));
    from.on('close', () => clearTimeout(this.#timer));
    to.on('drain', () => this.move());
    this.move();
  }

  /** Bytes that wait to be handed on. */
  get waiting(): number {
    return this.#queued;
  }

  /** Hands on at once what waits. */
  hurry(): void {
    this.#parcels = this.#parcels.map(({ bytes }) => ({ due: 0, bytes }));
    this.move();
  }

  /** Hands on what is held back. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) this.#take(bytes);
  }

  /** Whatever comes is dropped from now on. */
  discard(): void {
    this.#discards = true;
    this.#from.resume();
  }

  /** Hands on what may go on now, and reads only while there is room for more. */
  move(): void {
    if (this.#discards) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    let sent = 0;
    for (const { due, bytes } of this.#parcels) {
      if (!this.#gate.open || this.#to.writableNeedDrain || this.#to.destroyed) break;
      if (due > now + TIMER_MS) {
        this.#timer = setTimeout(() => this.move(), Math.max(1, Math.floor(due - now)));
        break;
      }
      sent += 1;
      this.#hand(bytes);
    }
    if (sent > 0) this.#parcels = this.#parcels.slice(sent);
    if (this.#gate.open && !this.#to.writableNeedDrain && this.#queued < ON_THE_WAY) this.#from.resume();
    else this.#from.pause();
  }

  /** So many of the bytes come before what is forbidden. */
  #placeOfForbidden(bytes: Buffer): number | undefined {
    const { forbidden } = this.#gate;
    if (forbidden === undefined) return undefined;
    const before = this.#tail.length;
    const seen = Buffer.concat([this.#tail, bytes]);
    this.#tail = seen.subarray(-forbidden.length + 1);
    const place = seen.indexOf(forbidden);
    return place === -1 ? undefined : Math.max(0, place - before);
  }

  #hold(bytes: Buffer, passing: number): void {
    if (this.#held === undefined) {
      this.#gate.met += 1;
      this.#take(bytes.subarray(0, passing));
      this.#held = [bytes.subarray(passing)];
    } else this.#held.push(bytes);
  }

  #reset(): void {
    this.#gate.met += 1;
    reset(this.#from);
    reset(this.#to);
  }

  #take(bytes: Buffer | null): void {
    if (this.#discards) return;
    if (this.#held !== undefined && bytes !== null) return void this.#held.push(bytes);
    this.#queued += bytes?.length ?? 0;
    this.#parcels.push({ due: this.#gate.delay > 0 ? performance.now() + this.#gate.delay : 0, bytes });
    if (this.#timer === undefined) this.move();
  }

  #hand(bytes: Buffer | null): void {
    if (bytes === null) {
      this.#to.end();
      return;
    }
    this.#queued -= bytes.length;
    const passing = bytes.subarray(0, this.#gate.left);
    this.#gate.bytes += passing.length;
    this.#gate.left -= passing.length;
    if (this.#gate.left > 0) this.#to.write(passing);
    else this.#cutBehind(passing);
  }

  /** The last bytes must have reached the system before the connection goes, or they would be lost with it. */
  #cutBehind(bytes: Buffer): void {
    this.#gate.left = Infinity;
    this.#gate.open = false;
    this.#to.write(bytes, () => {
      this.#gate.open = true;
      this.#gate.cut();
    });
  }
}
