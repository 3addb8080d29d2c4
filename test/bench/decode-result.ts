// What the bench found out about decoding: a line of its JSON file, and what the table is made from.
import type { Machine } from './machine.ts';

export interface DecodeResult extends Machine {
  /** ISO 8601. */
  readonly date: string;
  readonly bench: 'decode';
  readonly scale: number;
  readonly server: string;
  /** The first is that of all payloads. */
  readonly rows: readonly DecodeFigures[];
}

export interface DecodeFigures {
  readonly name: string;
  readonly payloads: number;
  /** Of the payloads. */
  readonly bytes: number;
  /** The median; a million bytes of payload a second of processor time. */
  readonly megabytesPerSecond: number;
  /** Of the mean, in percent, either way: with 95 % confidence it is not further off. */
  readonly error: number;
}
