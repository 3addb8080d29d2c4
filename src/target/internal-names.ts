// Names that rump itself gives to keys of the target: they are nobody's data, whatever the scope says.

import { randomBytes } from 'node:crypto';
import { slotOf, tagOf } from '../cluster/slot.ts';
import { isCheckpointName } from '../scan/checkpoint-names.ts';

/** Of a temporary name. */
const RANDOM_BYTES = 8;
const TEMPORARY = /^rump:tmp:\{\d{1,6}\}:[0-9a-f]{16}$/;
const LONGEST = 'rump:tmp:{123456}:0123456789abcdef'.length;
const [FIRST, COLON] = [...Buffer.from('r:')];

/** A name that nobody else has, in the slot of the one that the value will have, such as `rump:tmp:{5798}:8f14e45fceea167a`. */
export function temporaryNameFor(name: Buffer): Buffer {
  return temporaryNameIn(slotOf(name));
}

export function temporaryNameIn(slot: number): Buffer {
  return Buffer.from(`rump:tmp:{${tagOf(slot)}}:${randomBytes(RANDOM_BYTES).toString('hex')}`);
}

/** Whether it is a temporary name, or that of a checkpoint, of this run or of another one. */
export function isInternalName(name: Buffer): boolean {
  if (name.length > LONGEST || name[0] !== FIRST || name[4] !== COLON) return false;
  return TEMPORARY.test(name.toString('latin1')) || isCheckpointName(name, 0, name.length);
}
