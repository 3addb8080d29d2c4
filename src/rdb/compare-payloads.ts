// Compares two payloads, whichever servers wrote them: by their bytes, decoded, or by digests of their pieces.
import type { Bytes } from '../../resp/bytes.ts';
import { differenceOf, type Difference } from './compare.ts';
import { decodePayload } from './decode.ts';
import { FOOTER_BYTES, versionOf } from './footer.ts';
import { PayloadError } from './payload-error.ts';
import { DEFAULT_LIMITS, payloadPieces } from './pieces.ts';
import { unpackedSize } from './skip.ts';
import { isOfValkey, lastCommonTypeByte, typeOf } from './type-byte.ts';
import { ValueDigest } from './value-digest.ts';
import type { Value } from './value.ts';

/** Whether they are the same but for their footers: two servers stamp the same bytes with versions of their own. */
export function hasSameBody(left: Buffer, right: Buffer): boolean {
  const end = left.length - FOOTER_BYTES;
  if (left.length !== right.length || end <= 0 || left.compare(right, 0, end, 0, end) !== 0) return false;
  return meansTheSame(left[0]!, versionOf(left), versionOf(right));
}

/** The same for payloads where they lie, so long each, of which it cannot be told where they are too short to be any. */
export function hasSameBodyAt(left: Bytes, leftAt: number, right: Bytes, rightAt: number, length: number): boolean {
  const body = length - FOOTER_BYTES;
  if (body <= 0 || !left.equals(right, rightAt, leftAt, leftAt + body)) return false;
  const versionOfLeft = left.view.getUint16(leftAt + body, true);
  const versionOfRight = right.view.getUint16(rightAt + body, true);
  return versionOfLeft === versionOfRight || meansTheSame(left.buffer[leftAt]!, versionOfLeft, versionOfRight);
}

/** Whether the type byte that both begin with is of one and the same encoding. */
function meansTheSame(type: number, leftVersion: number, rightVersion: number): boolean {
  return type <= lastCommonTypeByte || isOfValkey(leftVersion) === isOfValkey(rightVersion);
}

/**
 * Whether `payloadDifference` takes no more than so many bytes for both: compression hides how much it is. Otherwise they are
 * compared by the digests of their pieces.
 * @throws PayloadError
 */
export function fitsDecoded(left: Buffer, right: Buffer, mostBytes: number): boolean {
  const type = typeOf(left);
  // Values of modules have no pieces, and those of different types are not decoded.
  if (type === undefined || type === 'module' || typeOf(right) !== type) return true;
  return unpackedSize(left) + unpackedSize(right) <= mostBytes;
}

/**
 * As `differenceOf`, of two payloads whose bodies are not the same.
 * @param visible what of a value counts
 * @throws PayloadError
 */
export function payloadDifference(
  left: Buffer,
  right: Buffer,
  tolerance = 0,
  visible = (value: Value): Value => value,
): Difference {
  const [one, other] = [typeOf(left), typeOf(right)];
  if (one !== undefined && other !== undefined && one !== other) return `type: ${one} and ${other}`;
  return differenceOf(visible(decodePayload(left)), visible(decodePayload(right)), tolerance);
}

/** @param mostBytes that both together may take in memory as a whole; by their pieces they are compared otherwise */
export function isSameValue(left: Buffer, right: Buffer, mostBytes: number): boolean {
  if (hasSameBody(left, right)) return true;
  return whereReadable(() =>
    fitsDecoded(left, right, mostBytes)
      ? payloadDifference(left, right) === undefined
      : digestOf(left, mostBytes).differenceFrom(digestOf(right, mostBytes)) === undefined,
  );
}

/** Whether the payload holds what the digest was made of. */
export function hasDigest(payload: Buffer, digest: ValueDigest, mostBytes: number): boolean {
  return whereReadable(() => digestOf(payload, mostBytes).differenceFrom(digest) === undefined);
}

/** What cannot be read is not the same. */
function whereReadable(isSame: () => boolean): boolean {
  try {
    return isSame();
  } catch (error) {
    if (error instanceof PayloadError) return false;
    throw error;
  }
}

function digestOf(payload: Buffer, unpacked: number): ValueDigest {
  const digest = new ValueDigest();
  for (const piece of payloadPieces(payload, { ...DEFAULT_LIMITS, unpacked })) digest.add(piece);
  return digest;
}
