// Whether a value can be made JSON in memory: what it takes once it is decoded, and what its JSON says more often than the payload does.

import type { Buffer } from 'node:buffer';
import type { ByteReader } from './byte-reader.ts';
import { CONSUMER_BYTES, GROUP_BYTES, masterFields, PENDING_BYTES, readFigures } from './decode-stream.ts';
import { Listpack } from './packed-forms.ts';
import { isOpaque } from './payload-json.ts';
import { typeOfEncoding, type Encoding } from './payload.ts';
import { opened, unpackedSize } from './skip.ts';
import { ID_BYTES } from './value.ts';

const TIME_BYTES = 8;
/** Of an entry that has the fields of its node: flags, the two halves of its id, how many elements it has. */
const OTHER_ELEMENTS = 4;

/**
 * Whether it is more than so many bytes, escapes and base64 not counted.
 * @throws PayloadError
 */
export function isLargeAsJson(payload: Buffer, mostBytes: number): boolean {
  if (isOpaque(payload)) return payload.length > mostBytes;
  const size = unpackedSize(payload);
  if (size > mostBytes) return true;
  const { reader, encoding } = opened(payload);
  return typeOfEncoding(encoding) === 'stream' && size + namesAgain(reader, encoding) > mostBytes;
}

/** The names of fields stand once in a node, and with each entry in JSON; those of consumers with each that is pending. */
function namesAgain(reader: ByteReader, encoding: Encoding): number {
  let bytes = 0;
  for (let nodes = reader.count(2); nodes > 0; nodes -= 1) {
    reader.skipString();
    bytes += fieldsAgain(new Listpack(reader.packed('listpack')));
  }
  readFigures(reader, encoding);
  for (let groups = reader.count(GROUP_BYTES); groups > 0; groups -= 1) {
    reader.skipString();
    for (let left = encoding === 'STREAM_LISTPACKS' ? 2 : 3; left > 0; left -= 1) reader.uint64();
    for (let pending = reader.count(PENDING_BYTES); pending > 0; pending -= 1) {
      reader.skip(ID_BYTES + TIME_BYTES);
      reader.uint64();
    }
    bytes += consumersAgain(reader, encoding);
  }
  return bytes;
}

function fieldsAgain(elements: Listpack): number {
  const names = masterFields(elements);
  let others = 0;
  while (elements.next()) others += 1;
  return names.reduce((bytes, { length }) => bytes + length, 0) * Math.floor(others / (names.length + OTHER_ELEMENTS));
}

function consumersAgain(reader: ByteReader, encoding: Encoding): number {
  let bytes = 0;
  for (let consumers = reader.count(CONSUMER_BYTES); consumers > 0; consumers -= 1) {
    const name = reader.peekStringLength();
    reader.skipString();
    reader.skip(encoding === 'STREAM_LISTPACKS_3' ? 2 * TIME_BYTES : TIME_BYTES);
    const pending = reader.count(ID_BYTES);
    reader.skip(pending * ID_BYTES);
    bytes += name * pending;
  }
  return bytes;
}
