// Writes one value by native commands: built under a temporary name, given its expiry, and only then called by its own.
//
//     pieces ──▶ rump:tmp:… (which expires, should nobody come back) ──▶ expiry ──▶ RENAME

import { ReplyError, RespError } from '../../resp/errors.ts';
import { formatBytes } from '../../resp/figures.ts';
import type { Reply } from '../../resp/reply.ts';
import { isBreak } from '../cluster/node-link.ts';
import type { Argv } from '../cluster/routed-client.ts';
import { ttlOf, type ExpiryMode } from '../flow/expiry.ts';
import { COUNT_COMMANDS } from '../keys/value-end.ts';
import { ValueCommands } from '../rdb/commands.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import { lengthOfPiece } from '../rdb/pieces.ts';
import type { ValuePiece } from '../rdb/value.ts';
import type { Dialect } from '../server/probes.ts';
import { demand, type AskAbout } from '../server/replies.ts';
import { temporaryNameFor } from './internal-names.ts';

export interface BuildOptions {
  readonly name: Buffer;
  readonly dialect: Dialect;
  /** Bytes of the longest argument that the target takes. */
  readonly mostBytes: number;
  readonly mode: ExpiryMode;
  readonly clock: () => number;
  readonly replace: boolean;
}

/** The code of an error: what was built so far is gone. */
export const VANISHED = 'VANISHED';
/** For so long an unfinished value outlives its builder. Each piece renews it, and none takes nearly as long. */
const LEASE_MS = String(15 * 60 * 1000);

export class ValueBuilder {
  readonly #ask: AskAbout;
  readonly #options: BuildOptions;
  readonly #temporary: Buffer;
  readonly #commands: ValueCommands;
  /** Elements that were added so far; of a string its bytes. */
  #length = 0;
  #type: ValuePiece['type'] | undefined;
  #expires = false;

  constructor(ask: AskAbout, options: BuildOptions) {
    this.#ask = ask;
    this.#options = options;
    this.#temporary = temporaryNameFor(options.name);
    this.#commands = new ValueCommands(this.#temporary, options.dialect);
  }

  /** @throws PayloadError or ReplyError for what the target cannot hold; RespError where it is lost */
  async add(piece: ValuePiece): Promise<void> {
    this.#length += lengthOfPiece(piece);
    if (piece.type === 'hash') this.#expires ||= piece.fields.some(({ expireAt }) => expireAt !== NEVER);
    const commands = [...this.#commands.write(piece)];
    const lease: Argv = ['PEXPIRE', this.#temporary, LEASE_MS];
    const isFirst = this.#type === undefined;
    this.#type = piece.type;
    // Behind it as well: where this comes late, through a tunnel, what was built may have been discarded, and begins anew.
    const replies = await this.#tell([...(isFirst ? [] : [lease]), ...commands, lease]);
    // A hash may have lost all its fields to their expiries; anything else that is gone was taken away.
    if (replies.at(isFirst ? -1 : 0) !== 1 && !this.#expires) throw vanished();
  }

  /**
   * Gives it its expiry and its name. `taken`: there is a key of that name, and it is not to be replaced.
   * @param expireAt as `Entry.expireAt`
   * @param length elements that it has, where some were given twice
   */
  async finish(expireAt: Milliseconds, length = Infinity): Promise<'written' | 'taken' | 'expired'> {
    const { name, replace, clock } = this.#options;
    await this.#tell([...this.#commands.end()]);
    const [count] = await this.#tell([[COUNT_COMMANDS[this.#type!], this.#temporary]]);
    if (this.#expires && count === 0) return 'expired';
    if (count !== Math.min(length, this.#length) && !this.#expires) throw vanished();
    if (expireAt !== NEVER && expireAt <= clock()) return 'expired';
    const rename: Argv = [replace ? 'RENAME' : 'RENAMENX', this.#temporary, name];
    // Only what has its expiry may have its name: the lease would end it otherwise.
    const [given] = await demand(this.#ask, [this.#expiry(expireAt)]);
    if (given !== 1) return this.#goneAs(vanished(), expireAt);
    const renamed = await this.#rename(rename);
    if (renamed instanceof ReplyError) return this.#goneAs(renamed, expireAt);
    return renamed === 0 ? 'taken' : 'written';
  }

  /** Leaves nothing behind, though the connection breaks on the way. @throws RespError where nobody can be reached any more */
  async discard(): Promise<void> {
    for (;;) {
      try {
        const [reply] = await demand(this.#ask, [['UNLINK', this.#temporary]], ['UNLINK']);
        if (reply instanceof ReplyError) await demand(this.#ask, [['DEL', this.#temporary]]);
        return;
      } catch (error) {
        // Who is asked says when there were enough tries: so it is not to be tried again then.
        if (!isBreak(error) || !error.retryable) throw error;
      }
    }
  }

  /** Where the reply is lost it may be done all the same: what has gone from its temporary name has got its own. */
  async #rename(command: Argv): Promise<Reply> {
    const [word = ''] = command;
    try {
      const [reply] = await demand(this.#ask, [command], [String(word)]);
      return reply!;
    } catch (error) {
      if (!isBreak(error) || (await this.#isThere(this.#temporary)) || !(await this.#isThere(this.#options.name)))
        throw error;
      return 1;
    }
  }

  /** Also where the server will not say. */
  async #isThere(name: Buffer): Promise<boolean> {
    const [reply] = await demand(this.#ask, [['EXISTS', name]], ['EXISTS']);
    return reply !== 0;
  }

  /** It may have expired at the last moment. @throws error where it has not */
  #goneAs(error: RespError, expireAt: Milliseconds): 'expired' {
    const { clock } = this.#options;
    if (this.#expires || (expireAt !== NEVER && expireAt <= clock())) return 'expired';
    throw error;
  }

  #expiry(expireAt: Milliseconds): Argv {
    const { mode, clock } = this.#options;
    if (expireAt === NEVER) return ['PERSIST', this.#temporary];
    if (mode === 'exact') return ['PEXPIREAT', this.#temporary, String(expireAt)];
    return ['PEXPIRE', this.#temporary, String(ttlOf(expireAt, clock()))];
  }

  async #tell(commands: readonly Argv[]): Promise<readonly Reply[]> {
    for (const [command, , ...args] of commands) this.#demandShort(String(command), args);
    if (commands.length === 0) return [];
    return demand(this.#ask, commands);
  }

  /** A longer one would break the connection. */
  #demandShort(command: string, args: Argv): void {
    const { mostBytes } = this.#options;
    const length = args.reduce((most, { length }) => Math.max(most, length), 0);
    if (length <= mostBytes) return;
    throw new RespError(
      'TOO_LONG',
      `Cannot write it with ${command}: an element has ${formatBytes(length)}, and the target takes ${formatBytes(mostBytes)} (proto-max-bulk-len)`,
    );
  }
}

/** Somebody has emptied the target, or taken the key away: it may fare better from the beginning. */
function vanished(): RespError {
  return new RespError(VANISHED, 'What was written so far was taken from the target');
}
