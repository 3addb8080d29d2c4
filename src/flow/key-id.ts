// Which key is meant: its name, and the database that it is in.

export interface KeyId {
  readonly db: number;
  readonly key: Buffer;
}

/** The same in a form by which sets and maps tell keys apart. */
export function idOf({ db, key }: KeyId): string {
  return `${db}:${key.toString('latin1')}`;
}
