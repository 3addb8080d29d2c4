// What a snapshot has beside its keys, by name: a copy leaves it out.

import type { ByteReader } from './byte-reader.ts';
import { moduleNameOf, skipParts } from './decode-module.ts';

/** More names than that help nobody. */
const MOST_NAMES = 20;
/** Of the code of a library the beginning, where its name is. */
const HEAD_BYTES = 1024;

export class LeftOut {
  /** Libraries of functions. */
  readonly functions = new Set<string>();
  /** Modules that keep data outside of keys. */
  readonly modules = new Set<string>();
  /** Slots that were on their way here. */
  readonly slots = new Set<string>();

  /** Passes over a library. */
  skipFunctions(reader: ByteReader): void {
    const head = reader.string().toString('latin1', 0, HEAD_BYTES);
    add(this.functions, /^#![^\n]*?\bname=(\w+)/.exec(head)?.[1] ?? 'one without a name');
  }

  /** Passes over what a module wrote for itself. */
  skipModule(reader: ByteReader): void {
    const id = reader.uint64();
    // First comes when it is to be read: a number as any other.
    skipParts(reader);
    add(this.modules, moduleNameOf(id));
  }

  /** Passes over the state of a migration of slots. */
  skipSlots(reader: ByteReader): void {
    reader.skipString();
    for (let ranges = reader.count(2); ranges > 0; ranges -= 1) {
      const [first, last] = [reader.length(), reader.length()];
      add(this.slots, first === last ? String(first) : `${first}-${last}`);
    }
  }
}

function add(names: Set<string>, name: string): void {
  if (names.size < MOST_NAMES) names.add(name);
  else names.add('…');
}
