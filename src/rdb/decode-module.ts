// Values of modules: which module, and its bytes as they are. Only the module itself knows what they mean.
import type { ByteReader } from './byte-reader.ts';
import type { Encoding } from './type-byte.ts';
import type { ModuleValue } from './value.ts';

/** The id has nine characters of six bits each, and ten bits for the module's own version. */
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NAME_LENGTH = 9;
const VERSION_BITS = 10n;
const VERSION_MASK = 0x3ffn;

/** What the value is made of, each behind a number: so it can be passed over by those who lack the module. */
const END = 0;
const SIGNED = 1;
const UNSIGNED = 2;
const FLOAT = 3;
const DOUBLE = 4;
const STRING = 5;

export function decodeModule(reader: ByteReader, encoding: Encoding): ModuleValue {
  const start = reader.at;
  const id = reader.uint64();
  // Before 4.0 was released values had no such numbers: where one ends is known only if nothing follows it.
  if (encoding === 'MODULE_PRE_GA') reader.skip(reader.left);
  else skipParts(reader);
  return {
    type: 'module',
    name: moduleNameOf(id),
    encodingVersion: Number(id & VERSION_MASK),
    bytes: reader.bytes.subarray(start, reader.at),
  };
}

/** Passes over what a module wrote, as far as the mark of its end. Module data outside of keys has the same form. */
export function skipParts(reader: ByteReader): void {
  for (;;) {
    const start = reader.at;
    const part = reader.length();
    switch (part) {
      case END:
        return;
      case SIGNED:
      case UNSIGNED:
        reader.uint64();
        break;
      case FLOAT:
        reader.skip(4);
        break;
      case DOUBLE:
        reader.skip(8);
        break;
      case STRING:
        reader.skipString();
        break;
      default:
        throw reader.fail(`modules write nothing of kind ${part}`, start);
    }
  }
}

/** Nine characters. */
export function moduleNameOf(id: bigint): string {
  let name = '';
  let rest = id >> VERSION_BITS;
  for (let i = 0; i < NAME_LENGTH; i += 1) {
    name = CHARACTERS[Number(rest & 0x3fn)]! + name;
    rest >>= 6n;
  }
  return name;
}
