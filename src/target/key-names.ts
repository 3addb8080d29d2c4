// What a key is called on the target: without one prefix, with another. It knows no entries and no slots.

export interface KeyNamesOptions {
  /** Taken away from keys that begin with it, once. */
  readonly stripPrefix?: string | undefined;
  /** Then put in front of every key. */
  readonly addPrefix?: string | undefined;
}

export class KeyNames {
  readonly #strip: Buffer;
  readonly #add: Buffer;

  constructor({ stripPrefix = '', addPrefix = '' }: KeyNamesOptions) {
    this.#strip = Buffer.from(stripPrefix);
    this.#add = Buffer.from(addPrefix);
  }

  /** Whether any key may get another name. */
  get changes(): boolean {
    return this.#strip.length > 0 || this.#add.length > 0;
  }

  /** Whether two keys may get the same name: `a:x` and `x`, where `a:` is taken away. */
  get mayCollide(): boolean {
    return this.#strip.length > 0;
  }

  /** Whether a prefix is taken away from this key. */
  isStripped(key: Buffer): boolean {
    return this.mayCollide && startsWith(key, this.#strip);
  }

  /** The very same Buffer where the name stays; a view where it only gets shorter. */
  targetNameOf(key: Buffer): Buffer {
    if (!this.changes) return key;
    const isStripped = this.isStripped(key);
    if (this.#add.length === 0) return isStripped ? key.subarray(this.#strip.length) : key;
    if (isStripped && this.#add.equals(this.#strip)) return key;
    return joined(this.#add, key, isStripped ? this.#strip.length : 0);
  }

  /** The keys that may have got this name: none, one, or, where a prefix is taken away, two. The other way round. */
  originsOf(name: Buffer): Buffer[] {
    if (!this.changes) return [name];
    if (!startsWith(name, this.#add)) return [];
    const rest = name.subarray(this.#add.length);
    if (!this.mayCollide) return [rest];
    const stripped = joined(this.#strip, rest, 0);
    // What still begins with the prefix would have lost it.
    return this.isStripped(rest) ? [stripped] : [stripped, rest];
  }
}

function startsWith(key: Buffer, prefix: Buffer): boolean {
  return key.length >= prefix.length && key.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}

/** Name and prefix in one new Buffer: a command sends its key in one piece. */
function joined(prefix: Buffer, key: Buffer, from: number): Buffer {
  const name = Buffer.allocUnsafe(prefix.length + key.length - from);
  prefix.copy(name);
  key.copy(name, prefix.length, from);
  return name;
}
