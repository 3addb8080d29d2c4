// Where a checkpoint is kept: a file, or a key in each database of each node of the target.

import type { Checkpoint } from './checkpoint.ts';

export interface CheckpointStore {
  /** Its name in messages. */
  readonly name: string;
  /** How to begin anew, as a hint. */
  readonly wayOut: string;
  /**
   * What was kept last, and holds; `undefined` where there is nothing.
   * @throws RespError where it cannot be read, or is none
   */
  read(): Promise<Checkpoint | undefined>;
  /** Why nothing counts any more of what was read, as a clause. */
  readonly whyVoid?: string | undefined;
  /**
   * Puts it in the place of the one before.
   * @returns bytes that went over the network for it
   * @throws RespError
   */
  write(checkpoint: Checkpoint): Promise<number>;
  /** The copy is done. @throws RespError */
  remove(): Promise<void>;
  /** Lets go of it; what was kept stays. */
  close(): void;
}
