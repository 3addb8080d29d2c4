// Where the keys of a command stand, as the server itself says by COMMAND INFO, of each name as it is met. What has no key, or is
// no change to one, is known here by name.

import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { aclOf } from '../server/probes.ts';
import { kindOf } from '../server/refusal.ts';
import { misanswered } from '../server/replies.ts';
import type { Session } from '../server/session.ts';

/** Commands that mean more than their keys. */
export type SpecialName =
  'SELECT' | 'MULTI' | 'EXEC' | 'FLUSHDB' | 'FLUSHALL' | 'SWAPDB' | 'MOVE' | 'COPY' | 'CLUSTER FLUSHSLOT';

/**
 * `keys`: every `step`th argument from `first` to `last`, which counts from the end where it is negative. `asked`: only the server
 * can say, of the whole command. `unexplained`: it may change what nobody names.
 */
export type KeyRule =
  | { readonly kind: 'keys'; readonly first: number; readonly last: number; readonly step: number }
  | { readonly kind: 'subcommands'; readonly rules: ReadonlyMap<string, KeyRule> }
  | { readonly kind: 'special'; readonly name: SpecialName }
  | { readonly kind: 'asked' | 'nothing' | 'unexplained' };

const NOTHING: KeyRule = { kind: 'nothing' };
const ASKED: KeyRule = { kind: 'asked' };
const UNEXPLAINED: KeyRule = { kind: 'unexplained' };
/** Of a slot that moves: with SETSLOT a primary of Valkey 8 tells its replicas whose it is, with SYNCSLOTS those of Valkey 9 arrange it. */
const CLUSTER: KeyRule = {
  kind: 'subcommands',
  rules: new Map<string, KeyRule>([
    ['FLUSHSLOT', { kind: 'special', name: 'CLUSTER FLUSHSLOT' }],
    ['SETSLOT', NOTHING],
    ['SYNCSLOTS', NOTHING],
  ]),
};

/** Sent to replicas, and no change to any key. */
const HARMLESS = ['PING', 'REPLCONF', 'PUBLISH', 'SPUBLISH', 'SCRIPT', 'FUNCTION', 'DISCARD'];
/**
 * What most of a stream is made of, and all that may be long: what is met too long to be kept is a gap, unless it is known before. To read
 * of all commands takes longer than many a copy.
 */
const USUAL =
  'SET MSET SETNX MSETNX SETEX PSETEX GETSET APPEND SETRANGE SETBIT INCR DECR INCRBY DECRBY DEL UNLINK PEXPIREAT PERSIST ' +
  'RENAME RESTORE RESTORE-ASKING LPUSH RPUSH LPUSHX RPUSHX LINSERT LSET LREM LPOP RPOP LTRIM SADD SREM ZADD ZREM ZINCRBY ' +
  'HSET HMSET HSETNX HSETEX HDEL HINCRBY HPEXPIREAT HPERSIST XADD XDEL XTRIM XACK PFADD PFMERGE GEOADD ' +
  // A server without these says nothing of them.
  'VADD JSON.SET JSON.MSET JSON.MERGE JSON.ARRAPPEND JSON.ARRINSERT JSON.STRAPPEND TS.MADD ' +
  'BF.MADD BF.INSERT BF.LOADCHUNK CF.INSERT CF.INSERTNX CF.LOADCHUNK';
/** Others that are asked about, by name. */
const MOST_ASKED_ABOUT = 1000;
/** A server that sends scripts as they are leaves out what they change beyond the keys that they were given. */
const SCRIPTS = ['EVAL', 'EVALSHA', 'FCALL'];
const SPECIAL: readonly SpecialName[] = [
  'SELECT',
  'MULTI',
  'EXEC',
  'FLUSHDB',
  'FLUSHALL',
  'SWAPDB',
  'MOVE',
  'COPY',
  'CLUSTER FLUSHSLOT',
];

export class KeyPositions {
  readonly #session: Session;
  /** By the name in small letters and in capitals, as most are sent. */
  readonly #rules = new Map<string, KeyRule>();
  readonly #askedAbout = new Set<string>();

  private constructor(session: Session) {
    this.#session = session;
    for (const name of HARMLESS) this.#set(name, NOTHING);
    for (const name of SCRIPTS) this.#set(name, UNEXPLAINED);
    for (const name of SPECIAL) if (!name.includes(' ')) this.#set(name, { kind: 'special', name });
    this.#set('CLUSTER', CLUSTER);
  }

  /** @throws RespError where the server does not say */
  static async learn(session: Session): Promise<KeyPositions> {
    const positions = new KeyPositions(session);
    await positions.#askAbout(USUAL.split(' '));
    return positions;
  }

  /**
   * Of a name that is met for the first time the server has to be asked for the keys. It is asked about the name before: that is
   * known by the time the keys are.
   */
  of(name: string): KeyRule {
    return this.#rules.get(name) ?? this.#rules.get(name.toUpperCase()) ?? this.#met(name);
  }

  #met(name: string): KeyRule {
    if (!this.#askedAbout.has(name) && this.#askedAbout.size < MOST_ASKED_ABOUT) {
      this.#askedAbout.add(name);
      // Without an answer it is asked for the keys each time; that the connection was lost is told elsewhere.
      this.#askAbout([name]).catch(() => {});
    }
    return ASKED;
  }

  async #askAbout(names: readonly string[]): Promise<void> {
    const { peer } = this.#session;
    try {
      const reply = await this.#session.request('COMMAND', 'INFO', ...names);
      if (!Array.isArray(reply)) throw misanswered(peer, 'COMMAND INFO');
      for (const command of reply as readonly Reply[]) {
        const known = readCommand(command);
        if (known !== undefined) this.#set(known.name, known.rule);
      }
    } catch (error) {
      throw error instanceof ReplyError ? untold(error, peer) : error;
    }
  }

  #set(name: string, rule: KeyRule): void {
    this.#rules.set(name.toUpperCase(), rule);
    this.#rules.set(name.toLowerCase(), rule);
  }
}

function untold(cause: ReplyError, peer: Peer): RespError {
  const message = `Cannot follow ${nameOf(peer)}: it does not say where the keys of a command stand: ${cause.message}`;
  const hint = kindOf(cause) === 'forbidden' ? `the user needs ${aclOf('COMMAND')}` : undefined;
  return new RespError(cause.code, message, { peer, hint, cause });
}

/** `name, arity, flags, first, last, step`, and since Redis 7.0 the subcommands as the tenth. */
function readCommand(command: Reply): { readonly name: string; readonly rule: KeyRule } | undefined {
  if (!Array.isArray(command)) return undefined;
  const [name, , flags, first, last, step, , , , subcommands] = command as readonly Reply[];
  if (!Buffer.isBuffer(name) || !Array.isArray(flags)) return undefined;
  const has = (flag: string): boolean => (flags as readonly Reply[]).some((each) => String(each) === flag);
  const rules = Array.isArray(subcommands) ? (subcommands as readonly Reply[]).map(readCommand) : [];
  const plain = ruleOf([first, last, step].map(Number), has('movablekeys'), has('write'));
  return { name: name.toString('latin1'), rule: rules.length > 0 ? rulesOf(rules, plain) : plain };
}

function ruleOf([first, last, step]: readonly number[], isMovable: boolean, isWrite: boolean): KeyRule {
  if (isMovable) return ASKED;
  if (first! > 0 && step! > 0) return { kind: 'keys', first: first!, last: last!, step: step! };
  return isWrite ? UNEXPLAINED : NOTHING;
}

function rulesOf(known: readonly (ReturnType<typeof readCommand> | undefined)[], otherwise: KeyRule): KeyRule {
  const rules = new Map<string, KeyRule>();
  for (const each of known) {
    if (each === undefined) continue;
    const name = each.name.toUpperCase();
    rules.set(name.slice(name.indexOf('|') + 1), each.rule);
  }
  return otherwise.kind === 'nothing' ? { kind: 'subcommands', rules } : otherwise;
}
