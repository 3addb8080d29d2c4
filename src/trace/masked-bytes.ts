// Bytes without the secrets in them: each becomes as many asterisks, so that a frame stays as long as it says.

import { Buffer } from 'node:buffer';
import type { Secrets } from '../../resp/secrets.ts';

const ASTERISK = 42;
/** Bytes: what is shorter is a secret only where it is a whole string of a frame. */
const SHORT = 4;
const LINE_END = Buffer.from('\r\n');

/** What is looked for, and how much of it on both sides is no secret. */
interface Needle {
  readonly bytes: Buffer;
  readonly margin: number;
}

export class MaskedBytes {
  readonly #secrets: Pick<Secrets, 'forms'>;
  readonly #onBytes: (bytes: Buffer) => void;
  /** What a secret may begin with. */
  #held = Buffer.alloc(0);
  /** Of these, how many end a secret whose beginning has gone already. */
  #covered = 0;

  /** @param secrets may become more, of which none has come by then */
  constructor(secrets: Pick<Secrets, 'forms'>, onBytes: (bytes: Buffer) => void) {
    this.#secrets = secrets;
    this.#onBytes = onBytes;
  }

  push(chunk: Buffer): void {
    const needles = needlesOf(this.#secrets.forms);
    const bytes = Buffer.concat([this.#held, chunk]);
    const held = Math.max(0, ...needles.map((needle) => beginningAt(bytes, needle.bytes)));
    // All are looked for before any is hidden: they may overlap.
    const places = [[0, this.#covered] as const, ...needles.flatMap((needle) => placesOf(bytes, needle))];
    const end = bytes.length - held;
    this.#held = Buffer.from(bytes.subarray(end));
    this.#covered = Math.max(0, ...places.map(([, placeEnd]) => placeEnd - end));
    for (const [from, to] of places) bytes.fill(ASTERISK, from, to);
    this.#onBytes(bytes.subarray(0, end));
  }

  /** Nothing more comes: what would have become a secret is none, but may be most of one. */
  end(): void {
    const { length } = this.#held;
    this.#held.fill(ASTERISK, 0, length < SHORT ? this.#covered : length);
    this.#onBytes(this.#held);
  }
}

function needlesOf(forms: Iterable<string>): Needle[] {
  return Array.from(forms, (form) => {
    const bytes = Buffer.from(form);
    if (bytes.length >= SHORT) return { bytes, margin: 0 };
    return { bytes: Buffer.concat([LINE_END, bytes, LINE_END]), margin: LINE_END.length };
  });
}

function placesOf(bytes: Buffer, { bytes: needle, margin }: Needle): [start: number, end: number][] {
  const places: [number, number][] = [];
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1))
    places.push([at + margin, at + needle.length - margin]);
  return places;
}

/** How many bytes at the end the needle begins with, without being whole. */
function beginningAt(bytes: Buffer, needle: Buffer): number {
  for (let length = Math.min(needle.length - 1, bytes.length); length > 0; length--)
    if (needle.compare(bytes, bytes.length - length, bytes.length, 0, length) === 0) return length;
  return 0;
}
