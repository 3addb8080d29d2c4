// Which nodes are heard while they are read, and which process of each: what is read of any other may change there, or go, and
// nobody would tell of it.

export interface NodeHearing {
  /** The process that has to answer for a node, by its run id, once that is known; `undefined`: whoever answers is taken. */
  processOf(nodeId: string): Promise<string | undefined>;
  /** Whether what changes at the node from now on is told. */
  isHeard(nodeId: string): boolean;
  /** The key is about to be asked for at a node that is not heard. @param key a copy of it is kept */
  onUnheard(nodeId: string, db: number, key: Buffer): void;
}

/** The key is about to be asked for. @param hearing `undefined` where nobody wants to hear of changes */
export function noteAsked(hearing: NodeHearing | undefined, nodeId: string, db: number, key: Buffer): void {
  if (hearing?.isHeard(nodeId) === false) hearing.onUnheard(nodeId, db, key);
}
