// The SCAN command, and the page that answers it.

import { Buffer } from 'node:buffer';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { Literal } from '../../resp/literal.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';

export interface ScanRequest {
  readonly cursor: string;
  readonly count: number;
  readonly match: Buffer | undefined;
  readonly type: string | undefined;
}

const COUNT = new Literal('$5\r\nCOUNT\r\n');
const MATCH = new Literal('$5\r\nMATCH\r\n');
const TYPE = new Literal('$4\r\nTYPE\r\n');
/** SCAN cursor COUNT n, with so many options behind. */
const SCAN = [new Command('SCAN', 3), new Command('SCAN', 5), new Command('SCAN', 7)];

export function sendScan(
  connection: Connection,
  receiver: Receiver,
  { cursor, count, match, type }: ScanRequest,
): void {
  const command = SCAN[(match === undefined ? 0 : 1) + (type === undefined ? 0 : 1)]!;
  const encoder = connection.begin(command, receiver);
  encoder.text(cursor);
  encoder.literal(COUNT);
  encoder.integer(count);
  if (match !== undefined) {
    encoder.literal(MATCH);
    encoder.bulk(match);
  }
  if (type !== undefined) {
    encoder.literal(TYPE);
    encoder.text(type);
  }
}

/** A cursor and the keys of its page. */
export function isPage(reply: Reply): reply is readonly [Buffer, readonly Buffer[]] {
  if (!Array.isArray(reply) || reply.length !== 2) return false;
  const [cursor, keys] = reply as readonly Reply[];
  return Buffer.isBuffer(cursor) && Array.isArray(keys) && keys.every((key) => Buffer.isBuffer(key));
}
