// A check is made of passes: one side is read, and each key is looked for at the other, under the name that it has there. A side
// that is a file cannot be asked: it is read from its beginning, as often as needed.

import { RespError } from '../../resp/errors.ts';
import type { Entry } from '../flow/entry.ts';
import { typeOf } from '../rdb/payload.ts';
import { KeyScope } from '../scan/key-scope.ts';
import type { Role } from '../server/server.ts';
import type { FileSink, Source } from '../source/source.ts';
import { fileSourceOf } from '../sync/flow.ts';
import type { Run } from '../sync/preflight.ts';
import type { Settings } from '../sync/settings.ts';
import type { DatabasePairs } from '../sync/sides.ts';
import type { Target } from '../target/target.ts';
import type { Findings } from './findings.ts';

/** From the second reading on: everything was told and counted before. */
const TOLD_BEFORE: FileSink = { onExpired() {}, onReadRefused() {}, onNotice() {} };

export interface Pass {
  readonly source: Source;
  /** What compares the entries. */
  readonly target: Target;
  /** How much of the whole check is done before it, and behind it, 0 to 1. */
  readonly share: readonly [number, number];
  /** Whether it reads the keys in scope, for the first time. */
  readonly isFirst?: boolean;
}

/** How two sides are compared. Each pass is to be run before the next one is asked for. */
export interface Passes {
  readonly findings: Findings;
  passes(): Iterable<Pass>;
  /** As many as are asked for, each of which reads the keys that differ once more; none where that cannot be. */
  rechecks(): Iterable<Pass>;
}

/** A file as one side. */
export class FileSide {
  readonly #run: Run;
  readonly #role: Role;
  #sink: FileSink;

  constructor(role: Role, run: Run, sink: FileSink) {
    this.#role = role;
    this.#run = run;
    this.#sink = sink;
  }

  /** Stdin comes once. */
  get isRereadable(): boolean {
    return this.#end.shown !== '-';
  }

  /** @throws RespError where the file is stdin */
  demandRereadable(): void {
    if (this.isRereadable) return;
    throw new RespError('STREAM', 'Cannot read stdin a second time: it has more keys than one pass can keep in mind', {
      hint: 'compare with a file',
    });
  }

  /**
   * Keys of every type: one of another type may stand in for the one that is wanted.
   * @param databases all where there are none
   * @param outlives whether large values are read after the end as well: `stop` it then
   */
  read(databases: DatabasePairs, outlives = false): Source {
    const { settings, plan } = this.#run;
    const isSource = this.#role === 'source';
    const scope = isSource ? settings.scope.ofAnyType : new KeyScope({});
    const fields = isSource ? plan.fields : plan.targetFields;
    const source = fileSourceOf(
      {
        plan: { databases, keys: 0, mode: plan.mode, fields },
        settings: { ...settings, from: this.#end, scope, preserveIdle: false },
      },
      this.#sink,
      { outlives },
    );
    this.#sink = TOLD_BEFORE;
    return source;
  }

  get #end(): Settings['from'] {
    const { from, to } = this.#run.settings;
    return this.#role === 'source' ? from : to;
  }
}

/** A server sees to it itself. */
export function isOfType({ payload, large }: Entry, { type }: KeyScope): boolean {
  if (type === undefined) return true;
  if (large !== null) return large.type === type;
  return payload === null || typeOf(payload) === type;
}
