// Runs bytes through rump's decoder, by both ways in and cut in many manners, and keeps what comes out.
import assert from 'node:assert/strict';
import { Decoder, type DecoderLimits } from '../../resp/decoder.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { byteByByte, randomSplits } from './frames.ts';

/** A reply as a test can compare it: errors by their text, strings byte for byte. */
export type Plain = string | number | bigint | null | { error: string } | Plain[];

export function plain(reply: Reply): Plain {
  if (reply instanceof ReplyError) return { error: reply.message };
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  return Array.isArray(reply) ? reply.map((element: Reply) => plain(element)) : (reply as number | null);
}

export interface Decoded {
  readonly replies: Reply[];
  /** The reasons of onProtocolError. */
  readonly failures: string[];
  readonly decoder: Decoder;
}

function decodeInto(
  replies: Reply[],
  failures: string[],
  limits: DecoderLimits | undefined,
  kept: number,
  takesLong: boolean,
): Decoder {
  const sink = {
    onReply: (reply: Reply): void => void replies.push(reply),
    onOks: (count: number): void => {
      assert.ok(count > 0 && failures.length === 0);
      for (let i = 0; i < count; i++) replies.push(Buffer.from('OK'));
    },
    takesLong: () => takesLong,
    onProtocolError: (why: string): void => void failures.push(why),
    onFault: assert.fail,
  };
  const decoder = new Decoder(sink, limits);
  decoder.keptBulkLength = kept;
  return decoder;
}

/**
 * @param kept bytes of the longest bulk string that is not read past
 * @param takesLong whether longer ones are
 */
export function decode(pieces: readonly Buffer[], limits?: DecoderLimits, kept = Infinity, takesLong = true): Decoded {
  const replies: Reply[] = [];
  const failures: string[] = [];
  const decoder = decodeInto(replies, failures, limits, kept, takesLong);
  for (const piece of pieces) decoder.write(Buffer.from(piece));
  return { replies, failures, decoder };
}

/** As the socket does it: bytes are read to where the decoder wants them. */
export function decodeInPlace(
  pieces: readonly Buffer[],
  limits?: DecoderLimits,
  kept = Infinity,
  takesLong = true,
): Decoded {
  const replies: Reply[] = [];
  const failures: string[] = [];
  const decoder = decodeInto(replies, failures, limits, kept, takesLong);
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const space = decoder.space();
      const filled = piece.copy(space, 0, at);
      assert.ok(filled > 0, 'there is no space');
      at += filled;
      decoder.filled(filled);
    }
  }
  return { replies, failures, decoder };
}

export const WAYS = { written: decode, 'read in place': decodeInPlace } as const;

export function cutsOf(bytes: Buffer): Record<string, readonly Buffer[]> {
  const cuts: Record<string, readonly Buffer[]> = { whole: [bytes] };
  if (bytes.length <= 40_000) cuts['byte by byte'] = byteByByte(bytes);
  for (const seed of [1, 2, 3, 4, 5]) cuts[`at random, seed ${seed}`] = randomSplits(bytes, seed);
  return cuts;
}
