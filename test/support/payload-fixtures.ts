// The recorded payloads, and how they lie in their files: one file a server, one payload a line.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Value } from './snapshot.ts';

export interface PayloadFile {
  /** As the server names itself: `redis 7.0.15`. */
  readonly server: string;
  readonly rdbVersion: number;
  readonly payloads: readonly RecordedPayload[];
}

export interface RecordedPayload {
  readonly name: string;
  /** As OBJECT ENCODING says. */
  readonly encoding: string;
  readonly config: Readonly<Record<string, string>>;
  /** Byte strings are latin1, as in the value; of a long one only its length is told. */
  readonly commands: readonly (readonly string[])[];
  readonly type: string;
  /** As native commands read it. */
  readonly value: Value;
  /** By field, milliseconds since 1970: those that expire. */
  readonly fieldExpiries: Readonly<Record<string, number>>;
  readonly payload: Buffer;
}

/** What a file holds in place of the Buffer. */
type Line = Omit<RecordedPayload, 'payload'> & { readonly payload: string };

const NUMBER = 'number:';

export const payloadFolder: string = fileURLToPath(new URL('../../../fixtures/payloads/', import.meta.url));

export function readPayloads(): PayloadFile[] {
  const names = readdirSync(payloadFolder).filter((name) => name.endsWith('.json'));
  return names.toSorted().map((name) => {
    const file = JSON.parse(readFileSync(join(payloadFolder, name), 'utf8'), withNumbers) as Omit<
      PayloadFile,
      'payloads'
    > & {
      payloads: Line[];
    };
    return {
      ...file,
      payloads: file.payloads.map((line) => ({ ...line, payload: Buffer.from(line.payload, 'base64') })),
    };
  });
}

export function printPayloads({ payloads, ...head }: PayloadFile): string {
  const lines = payloads.map((recorded) =>
    JSON.stringify({ ...recorded, payload: recorded.payload.toString('base64') }, withoutNumbers),
  );
  return `${JSON.stringify(head).slice(0, -1)},"payloads":[\n${lines.join(',\n')}\n]}\n`;
}

/** JSON has neither infinities nor -0. */
export function withoutNumbers(_: string, value: unknown): unknown {
  return typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? NUMBER + inWords(value)
    : value;
}

export function withNumbers(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(NUMBER) ? Number(value.slice(NUMBER.length)) : value;
}

function inWords(number: number): string {
  return Object.is(number, -0) ? '-0' : String(number);
}
