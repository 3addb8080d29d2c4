// The one thing that flows from source to target: a key with its value as the source dumped it.

export interface Entry {
  db: number;
  key: Buffer;
  /** The reply of DUMP; `null` means that the key is gone. */
  payload: Buffer | null;
  /** Milliseconds since 1970 by the source's clock, or by this machine's where expiries are relative; -1 for none. */
  expireAt: number;
}
