// The last ten bytes of a DUMP payload: the RDB version of the server that wrote it, and a CRC-64 of all bytes before.
import { Bytes } from '../../resp/bytes.ts';
import { countOf } from '../../resp/figures.ts';
import { View } from './byte-strings.ts';
import { Crc64 } from './crc64.ts';
import { PayloadError } from './payload-error.ts';

const VERSION_BYTES = 2;
export const CHECKSUM_BYTES = 8;
export const FOOTER_BYTES = VERSION_BYTES + CHECKSUM_BYTES;

/** The RDB version, also if the checksum is wrong. */
export function versionOf(payload: Buffer): number {
  demandFooter(payload);
  return payload.readUInt16LE(payload.length - FOOTER_BYTES);
}

/** Type byte and value, a view. */
export function bodyOf(payload: Buffer): Buffer {
  demandFooter(payload);
  return new View(payload.buffer, payload.byteOffset, payload.length - FOOTER_BYTES);
}

/** Whether the checksum is right. */
export function isIntact(payload: Buffer): boolean {
  demandFooter(payload);
  const end = payload.length - CHECKSUM_BYTES;
  const { low, high } = new Crc64().update(payload, 0, end);
  return payload.readUInt32LE(end) === low && payload.readUInt32LE(end + 4) === high;
}

/** A payload of type byte and value, which are copied so that the footer can follow them. */
export function withFooter(body: Buffer, version: number): Buffer {
  const payload = Buffer.allocUnsafe(body.length + FOOTER_BYTES);
  body.copy(payload);
  seal(new Bytes(payload), payload.length, version);
  return payload;
}

/**
 * Writes the footer into the last bytes of a payload.
 * @param end of the payload, which begins at 0
 * @param crc one that is at hand, where many payloads are made
 */
export function seal(payload: Bytes, end: number, version: number, crc = new Crc64()): void {
  const { view } = payload;
  view.setUint16(end - FOOTER_BYTES, version, true);
  const at = end - CHECKSUM_BYTES;
  const { low, high } = crc.reset().updateFrom(payload, 0, at);
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
}

/** The same value as if that version had written it. The caller knows that this version knows the type byte. */
export function withVersion(payload: Buffer, version: number): Buffer {
  return withFooter(bodyOf(payload), version);
}

function demandFooter(payload: Buffer): void {
  // A value has a type byte at least.
  if (payload.length > FOOTER_BYTES) return;
  throw new PayloadError(`Cannot decode a payload: ${countOf(payload.length, 'byte')} hold no value and footer`, {
    offset: 0,
  });
}
