// What a server understands, payloads and commands, as it tells itself: names and versions of products say less.

import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Ability } from '../rdb/commands.ts';
import { demand, type AskAbout } from './replies.ts';
import { versionOf } from '../rdb/payload.ts';

export interface Dialect {
  /** The highest RDB version that its RESTORE takes. */
  readonly rdbVersion: number;
  readonly abilities: ReadonlySet<Ability>;
}

/** Of Redis 5: every server that has streams reads it. */
const LEAST_RDB_VERSION = 9;
/** The commands that came with each ability. */
const COMMANDS: readonly (readonly [Ability, string])[] = [
  ['streams', 'XADD'],
  ['streamFigures', 'PEXPIRETIME'],
  ['fieldExpiry', 'HPEXPIREAT'],
];
const PROBE_MS = '60000';

/** @param key one that nobody uses; it is written, and is gone afterwards */
export async function learnDialect(key: Buffer, ask: AskAbout): Promise<Dialect> {
  const probes = [
    ['SET', key, '', 'PX', PROBE_MS],
    ['DUMP', key],
    ['DEL', key],
    ['COMMAND', 'INFO', ...COMMANDS.map(([, name]) => name)],
  ];
  // Who may not be asked is taken for old: what is written then can be read by all. A probe that stays expires.
  const [, dump, , known] = await demand(ask, probes, ['SET', 'DUMP', 'DEL', 'COMMAND']);
  const rdbVersion = Buffer.isBuffer(dump) ? versionOf(dump) : LEAST_RDB_VERSION;
  const infos = Array.isArray(known) && !(known instanceof ReplyError) ? (known as readonly Reply[]) : [];
  return {
    rdbVersion,
    abilities: new Set(COMMANDS.flatMap(([ability], i) => (Array.isArray(infos[i]) ? [ability] : []))),
  };
}
