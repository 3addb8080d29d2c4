// What goes over one connection, as lines. Where names are looked for: the frames that have one, and the replies to such.

import { Ring } from '../../resp/ring.ts';
import { nameOf, type Peer } from '../../resp/errors.ts';
import type { Secrets } from '../../resp/secrets.ts';
import type { Tap } from '../../resp/tap.ts';
import type { Buffer } from 'node:buffer';
import { FramePrinter, type PrintedFrame, type PrinterOptions } from './frame-printer.ts';

export interface TraceLine {
  /** `source 0`: of the connections to that side the first. */
  readonly connection: string;
  readonly event: 'connects' | 'sent' | 'received' | 'closed';
  /** Of a frame. */
  readonly bytes?: number;
  /** The frame; where it connects to; why it was lost. */
  readonly text: string;
}

export interface ConnectionTraceOptions extends Omit<PrinterOptions, 'onFrame'> {
  readonly connection: string;
  readonly peer: Peer;
  /** On a link of replication not every frame is answered. */
  readonly isReplication: boolean;
  readonly secrets: Secrets;
  /** Whether nobody wants to hear any more. */
  readonly isStopped: () => boolean;
  readonly onLine: (line: TraceLine) => void;
}

export class ConnectionTrace implements Tap {
  readonly #options: ConnectionTraceOptions;
  readonly #sent: FramePrinter;
  readonly #received: FramePrinter;
  /** Of each command that is not answered: whether it was shown. */
  readonly #unanswered = new Ring<boolean>();

  constructor(options: ConnectionTraceOptions) {
    this.#options = options;
    this.#sent = new FramePrinter(true, { ...options, onFrame: (frame) => this.#onSent(frame) });
    this.#received = new FramePrinter(false, { ...options, onFrame: (frame) => this.#onReceived(frame) });
    this.#tell({ event: 'connects', text: nameOf(options.peer) });
  }

  onSent(bytes: Buffer): void {
    if (!this.#options.isStopped()) this.#sent.read(bytes);
  }

  onReceived(bytes: Buffer): void {
    if (!this.#options.isStopped()) this.#received.read(bytes);
  }

  onClosed(reason: Error | undefined): void {
    this.#tell({ event: 'closed', text: reason?.message ?? 'by rump' });
  }

  #onSent(frame: PrintedFrame): void {
    const isShown = frame.isMatch || this.#showsAll;
    if (!this.#showsAll && !this.#options.isReplication) this.#unanswered.push(isShown);
    if (isShown) this.#tellFrame('sent', frame);
  }

  #onReceived(frame: PrintedFrame): void {
    const isAnswer = !this.#showsAll && !frame.isUnasked && this.#unanswered.shift() === true;
    if (frame.isMatch || this.#showsAll || isAnswer) this.#tellFrame('received', frame);
  }

  get #showsAll(): boolean {
    return this.#options.globs.length === 0;
  }

  #tellFrame(event: 'sent' | 'received', { text, bytes }: PrintedFrame): void {
    this.#tell({ event, bytes, text: this.#options.secrets.hide(text) });
  }

  #tell(line: Omit<TraceLine, 'connection'>): void {
    const { connection, onLine } = this.#options;
    onLine({ connection, ...line });
  }
}
