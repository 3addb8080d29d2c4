// What listens to a connection without taking part in it: every byte that goes either way, in its order, as it was sent or read.

import type { Buffer } from 'node:buffer';

/** The bytes hold until the call returns. */
export interface Tap {
  onSent(bytes: Buffer): void;
  onReceived(bytes: Buffer): void;
  /** Once, and the last. @param reason missing where it was closed from here */
  onClosed(reason: Error | undefined): void;
}
