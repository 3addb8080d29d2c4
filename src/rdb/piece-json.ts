// A value as JSON of which pieces come: no more of it is held than can be taken at any time, however long an element is. The forms
// are those that value-json.ts has for what is held whole, where no step is needed, and a generator an element would cost.

import type { Buffer } from 'node:buffer';
import type { JsonWriter } from './json-writer.ts';
import { NEVER } from './milliseconds.ts';
import { CLOSE, COMMA, COMMA_OPEN, ENTRIES, headSteps, OPEN } from './value-json.ts';
import {
  formatId,
  type HashField,
  type StreamEntry,
  type StreamHead,
  type ValuePiece,
  type ZsetEntry,
} from './value.ts';

/** At each of them there is enough to be taken. */
type Steps = Generator<void, void, void>;

/** Not for strings: whether those are text is known at their end (`JsonWriter.begin`). */
export class PieceJson {
  readonly #json: JsonWriter;
  #head: StreamHead | undefined;
  #isBegun = false;
  #isFirst = true;

  constructor(json: JsonWriter) {
    this.#json = json;
  }

  add(piece: Exclude<ValuePiece, { type: 'string' }>): Steps {
    if (!this.#isBegun) {
      this.#isBegun = true;
      if (piece.type === 'stream') this.#json.json(ENTRIES);
      else this.#json.byte(OPEN);
    }
    switch (piece.type) {
      case 'list':
        return this.#each(piece.items, stringSteps);
      case 'set':
        return this.#each(piece.members, stringSteps);
      case 'zset':
        return this.#each(piece.entries, memberSteps);
      case 'hash':
        return this.#each(piece.fields, fieldSteps);
      default:
        this.#head = piece.head;
        return this.#each(piece.entries, entrySteps);
    }
  }

  /** Behind the last piece. */
  *end(): Steps {
    if (this.#head === undefined) this.#json.byte(CLOSE);
    else yield* headSteps(this.#json, this.#head);
  }

  *#each<T>(elements: readonly T[], steps: (json: JsonWriter, element: T) => Steps): Steps {
    for (const element of elements) {
      if (!this.#isFirst) this.#json.byte(COMMA);
      this.#isFirst = false;
      yield* steps(this.#json, element);
      if (this.#json.isEnough) yield;
    }
  }
}

function stringSteps(json: JsonWriter, bytes: Buffer): Steps {
  return json.byteSteps(bytes);
}

function* memberSteps(json: JsonWriter, { member, score }: ZsetEntry): Steps {
  json.byte(OPEN);
  yield* json.byteSteps(member);
  json.byte(COMMA);
  json.double(score);
  json.byte(CLOSE);
}

function* fieldSteps(json: JsonWriter, { field, value, expireAt }: HashField): Steps {
  json.byte(OPEN);
  yield* json.byteSteps(field);
  json.byte(COMMA);
  yield* json.byteSteps(value);
  if (expireAt !== NEVER) {
    json.byte(COMMA);
    json.integer(expireAt);
  }
  json.byte(CLOSE);
}

function* entrySteps(json: JsonWriter, { id, fields }: StreamEntry): Steps {
  json.byte(OPEN);
  json.text(formatId(id));
  json.json(COMMA_OPEN);
  for (let i = 0; i < fields.length; i += 2) {
    if (i > 0) json.byte(COMMA);
    json.byte(OPEN);
    yield* json.byteSteps(fields[i]!);
    json.byte(COMMA);
    yield* json.byteSteps(fields[i + 1]!);
    json.byte(CLOSE);
    if (json.isEnough) yield;
  }
  json.byte(CLOSE);
  json.byte(CLOSE);
}
