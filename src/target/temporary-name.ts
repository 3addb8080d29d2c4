// What a value is called while it is being built: a name that nobody else has, in the slot of the one that it will have.

import { randomBytes } from 'node:crypto';
import { slotOf, tagOf } from '../cluster/slot.ts';

const RANDOM_BYTES = 8;

/** Such as `rump:tmp:{5798}:8f14e45fceea167a`. */
export function temporaryNameFor(name: Buffer): Buffer {
  return Buffer.from(`rump:tmp:{${tagOf(slotOf(name))}}:${randomBytes(RANDOM_BYTES).toString('hex')}`);
}
