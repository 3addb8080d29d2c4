// Who waits for which reply on a connection: one ring of runs, and three cursors that only move forward.
//
//      ··· answered ─────── written ─────── queued
//            │  replies due    │  not yet at the socket  │
//
// A run is a receiver with the position at which its replies end, so that a thousand commands of one sender take one slot.

import { Ring } from './ring.ts';
import type { Receiver, Reply, ReplyRun } from './reply.ts';

interface Run {
  readonly receiver: Receiver;
  end: number;
}

export class InFlight {
  readonly #runs = new Ring<Run>();
  #queued = 0;
  #written = 0;
  #answered = 0;

  /** Replies that are still to come, those of commands not yet written included. */
  get length(): number {
    return this.#queued - this.#answered;
  }

  /** Replies that have come, ever. */
  get answered(): number {
    return this.#answered;
  }

  /** Replies that the peer owes. */
  get owed(): number {
    return this.#written - this.#answered;
  }

  /** Whether the peer owes a reply. */
  get due(): boolean {
    return this.owed > 0;
  }

  /** Who gets the next reply. */
  get next(): Receiver | undefined {
    return this.#runs.peek()?.receiver;
  }

  /** One more command was encoded; its reply goes to `receiver`. */
  queue(receiver: Receiver): void {
    this.#queued++;
    const last = this.#runs.last();
    if (last !== undefined && last.receiver === receiver) last.end = this.#queued;
    else this.#runs.push({ receiver, end: this.#queued });
  }

  /** All that was queued has gone to the socket. */
  write(): void {
    this.#written = this.#queued;
  }

  /** Returns false when no reply is due. */
  answer(reply: Reply): boolean {
    const run = this.#runs.peek();
    if (run === undefined || !this.due) return false;
    if (++this.#answered === run.end) this.#runs.shift();
    run.receiver.onReply(reply);
    return true;
  }

  /** Lets who waits for the next replies read them where they lie. */
  read(run: ReplyRun): void {
    const first = this.#runs.peek();
    if (first === undefined || first.receiver.read === undefined) return;
    const due = Math.min(first.end, this.#written) - this.#answered;
    if (due === 0) return;
    run.due = due;
    first.receiver.read(run);
    // Where the connection failed meanwhile, nobody waits any more.
    if (run.due === due || this.#runs.peek() !== first) return;
    this.#answered += due - run.due;
    if (this.#answered === first.end) this.#runs.shift();
  }

  /** Hands `+OK`s to those who wait, run by run; returns false when there are more than are due. */
  answerOks(count: number): boolean {
    let left = count;
    while (left > 0) {
      const run = this.#runs.peek();
      if (run === undefined || !this.due) return false;
      const share = Math.min(left, run.end - this.#answered, this.#written - this.#answered);
      this.#answered += share;
      left -= share;
      if (this.#answered === run.end) this.#runs.shift();
      run.receiver.onOks(share);
    }
    return true;
  }

  /** Tells everyone who waits, once each run, and forgets them. */
  fail(error: Error): void {
    for (let run = this.#runs.shift(); run !== undefined; run = this.#runs.shift()) run.receiver.onFailure(error);
    this.#answered = this.#queued;
  }
}
