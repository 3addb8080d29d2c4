// The one thing that flows from source to target: a key with its value as the source dumped it.

export interface Entry {
  /** The database of the source. */
  db: number;
  /** The name at the source. */
  key: Buffer;
  /** The reply of DUMP; `null` means that the key is gone. */
  payload: Buffer | null;
  /** Milliseconds since 1970 by the source's clock, or by this machine's where expiries are relative; -1 for none. */
  expireAt: number;
  /** Seconds since the last use; -1 where it is not carried. */
  idle: number;
  /** Logarithmic access frequency, 0 to 255; -1 where it is not carried. */
  frequency: number;
}

/** Bytes of key and payload: what budgets and figures count. */
export function sizeOf({ key, payload }: Entry): number {
  return key.length + (payload?.length ?? 0);
}
