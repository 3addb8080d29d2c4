// Elements of two collections in pairs, by their names: in any order, each of them once.

/** Each element of the left with one of the same name on the right; `undefined` where one has none, or one is left over. */
export function pairedOff<T>(
  left: readonly T[],
  right: readonly T[],
  nameOf: (element: T) => Buffer,
): [T, T][] | undefined {
  if (left.length !== right.length) return undefined;
  const pairs: [T, T][] = [];
  let others: Named<T> | undefined;
  for (const [index, element] of left.entries()) {
    // Packed collections keep the order in which they were filled, on both sides: a map is seldom needed.
    const opposite = others === undefined ? right[index]! : undefined;
    if (opposite !== undefined && nameOf(element).equals(nameOf(opposite))) {
      pairs.push([element, opposite]);
      continue;
    }
    others ??= new Named(right.slice(index), nameOf);
    const found = others.take(nameOf(element));
    if (found === undefined) return undefined;
    pairs.push([element, found]);
  }
  return pairs;
}

/** A file that no server has written may have a name twice. */
class Named<T> {
  readonly #byName = new Map<string, T>();
  readonly #repeated = new Map<string, T[]>();

  constructor(elements: readonly T[], nameOf: (element: T) => Buffer) {
    for (const element of elements) {
      const name = nameOf(element).toString('latin1');
      const repeated = this.#repeated.get(name);
      if (!this.#byName.has(name)) this.#byName.set(name, element);
      else if (repeated === undefined) this.#repeated.set(name, [element]);
      else repeated.push(element);
    }
  }

  take(bytes: Buffer): T | undefined {
    const name = bytes.toString('latin1');
    const repeated = this.#repeated.get(name)?.pop();
    if (repeated !== undefined) return repeated;
    const element = this.#byName.get(name);
    this.#byName.delete(name);
    return element;
  }
}
