// What those who read the nodes of a source, and those who listen to them, have to know of each other: which process of a node is
// heard, and what is asked for there.

import type { KeyId } from '../flow/key-id.ts';

export interface NodeHearing {
  /** The process that has to answer for a node, by its run id, once that is known; `undefined`: whoever answers is taken. */
  processOf(nodeId: string): Promise<string | undefined>;
  /** Whoever asks the node for keys says so; `undefined` where there is no other node that a key might come from or go to. */
  askedOf(nodeId: string): AskedKeys | undefined;
}

/** Of one who asks for names alone: what he asks for need not be of the source, and he says himself what is there. */
export function forNames(hearing: NodeHearing | undefined): NodeHearing | undefined {
  return hearing && { processOf: (nodeId) => hearing.processOf(nodeId), askedOf: () => undefined };
}

export interface AskedKeys {
  /** The key is about to be asked for. It holds until the call returns. */
  add(id: KeyId): void;
}
