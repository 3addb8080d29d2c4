// Which key is meant: its name, and the database that it is in.

export interface KeyId {
  readonly db: number;
  readonly key: Buffer;
}

/** A key on its way through the program. */
export interface FoundKey extends KeyId {
  /** Which page of a walk it was found on, or `NO_PAGE`. */
  readonly page: number;
}

/** Of a key that comes from elsewhere. */
export const NO_PAGE = -1;

/** A key in a form by which sets and maps tell keys apart. */
export function idOf({ db, key }: KeyId): string {
  return `${db}:${key.toString('latin1')}`;
}
