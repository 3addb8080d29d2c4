// A key that a node is to be asked for.

import type { KeyId } from '../flow/key-id.ts';
import type { KeyReader } from '../keys/key-reader.ts';

/** A key that is to be read, found elsewhere than in the walk under way. */
export interface KeyPlace extends KeyId {
  /** Whether its slot is only being taken over by this node. */
  readonly asking: boolean;
  /** Whether the value is not to be dumped: what reads it in pieces takes its place. */
  readonly inPieces?: boolean;
}

export function askFor({ db, key, asking, inPieces }: KeyPlace, reader: KeyReader): void {
  if (inPieces === true && reader.sendLarge !== undefined) reader.sendLarge(db, key);
  else reader.send(db, key, asking);
}
