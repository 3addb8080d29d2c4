// Which keys a copy is about, by their names, by the slots of these, and by their type. The names are judged here, the type by
// the server.

import { slotOf, type SlotSet } from '../cluster/slot.ts';
import { isCheckpointName } from './checkpoint-names.ts';
import { Glob } from './glob.ts';

export interface KeyScopeOptions {
  /** Globs, of which a key has to match one; without any, all do. */
  readonly match?: readonly string[] | undefined;
  /** Globs of which a key must match none. */
  readonly exclude?: readonly string[] | undefined;
  /** As TYPE names it. */
  readonly type?: string | undefined;
  /** Those whose slot is among them; all where it is missing. */
  readonly slots?: SlotSet | undefined;
  /** Whether progress that a copy keeps there is a key as any other. Default: it is nobody's data. */
  readonly withCheckpoints?: boolean | undefined;
}

export class KeyScope {
  /** What SCAN itself can leave out with MATCH; it takes only one pattern. */
  readonly pushedMatch: Buffer | undefined;
  /** What SCAN itself can leave out with TYPE: `includes` does not see it. */
  readonly type: string | undefined;
  /** Whether nothing is left out by name, but for progress. */
  readonly hasAllNames: boolean;
  /** Whether nothing is left out by name but for its slot. */
  readonly hasAllOfSlots: boolean;
  /** Whether nothing is left out, neither by name nor by type. */
  readonly isAll: boolean;
  readonly #options: KeyScopeOptions;
  readonly #match: readonly Glob[];
  readonly #exclude: readonly Glob[];
  readonly #slots: SlotSet | undefined;
  readonly #withCheckpoints: boolean;

  constructor(options: KeyScopeOptions) {
    const { match = [], exclude = [], type, slots, withCheckpoints = false } = options;
    this.#options = options;
    const patterns = [...new Set(match)].map((text) => Buffer.from(text));
    const globs = patterns.map((pattern) => new Glob(pattern));
    const takesAll = globs.length === 0 || globs.some((glob) => glob.isAll);
    this.#match = takesAll ? [] : globs;
    this.#exclude = exclude.map((text) => new Glob(Buffer.from(text)));
    this.pushedMatch = takesAll || patterns.length > 1 ? undefined : patterns[0];
    this.type = type;
    this.#slots = slots;
    this.#withCheckpoints = withCheckpoints;
    this.hasAllOfSlots = takesAll && this.#exclude.length === 0;
    this.hasAllNames = this.hasAllOfSlots && slots === undefined;
    this.isAll = this.hasAllNames && type === undefined;
  }

  /** The same names, of every type. */
  get ofAnyType(): KeyScope {
    return this.ofType(undefined);
  }

  /** The same names, of this type alone. */
  ofType(type: string | undefined): KeyScope {
    return this.type === type ? this : new KeyScope({ ...this.#options, type });
  }

  /** Whether the name of the key is in scope. */
  includes(key: Buffer): boolean {
    return this.mayInclude(key, 0, key.length) && this.#matches(key);
  }

  /** Whether the name that lies there has one of the slots, and is nobody's: the look at most of what is left out takes no Buffer. */
  mayInclude(bytes: Buffer, start: number, end: number): boolean {
    if (!this.#withCheckpoints && isCheckpointName(bytes, start, end)) return false;
    return this.#slots === undefined || this.#slots.has(slotOf(bytes, start, end));
  }

  #matches(key: Buffer): boolean {
    return (this.#match.length === 0 || matchesAny(this.#match, key)) && !matchesAny(this.#exclude, key);
  }
}

function matchesAny(globs: readonly Glob[], key: Buffer): boolean {
  for (const glob of globs) if (glob.matches(key)) return true;
  return false;
}
