// A command's name, ready to be written: its frame's head is encoded once. Also the list of those that only read.

import { Literal } from './literal.ts';

/** All that a read-only connection may send: what finds its way, and what looks. Everything else is refused. */
const READ_ONLY = new Set([
  'AUTH',
  'CLIENT SETNAME',
  'CLIENT INFO',
  'SELECT',
  'PING',
  'INFO',
  'TIME',
  'DBSIZE',
  'CONFIG GET',
  'SCAN',
  'DUMP',
  'PTTL',
  'PEXPIRETIME',
  'TYPE',
  'EXISTS',
  'MEMORY USAGE',
  'STRLEN',
  'GETRANGE',
  'LLEN',
  'LRANGE',
  'SCARD',
  'SSCAN',
  'ZCARD',
  'ZSCAN',
  'HLEN',
  'HSCAN',
  'HPEXPIRETIME',
  'XLEN',
  'XRANGE',
  'XPENDING',
  'XINFO STREAM',
  'XINFO GROUPS',
  'XINFO CONSUMERS',
  'OBJECT IDLETIME',
  'OBJECT FREQ',
  'ASKING',
  // A key that is watched is not touched, and a transaction holds nothing here that is not on this list.
  'WATCH',
  'MULTI',
  'EXEC',
  'CLUSTER SLOTS',
  'CLUSTER NODES',
  'FUNCTION LIST',
  'SENTINEL GET-MASTER-ADDR-BY-NAME',
]);

export class Command {
  /** One word, or two where the second is a subcommand: `CLIENT SETNAME`. */
  readonly name: string;
  readonly readOnly: boolean;
  /** `*3\r\n$4\r\nSCAN\r\n`: the array's length and the name; the arguments follow. */
  readonly head: Literal;

  /** @param args how many arguments follow the name */
  constructor(name: string, args: number) {
    const words = name.split(' ');
    this.name = name;
    this.readOnly = READ_ONLY.has(name);
    this.head = new Literal(
      `*${words.length + args}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`,
    );
  }
}
