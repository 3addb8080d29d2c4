// Addresses that nodes and sentinels announce: where each is reached from here, and which ones are believed.

import { lookup } from 'node:dns/promises';
import type { SentinelAddress, TcpAddress, UnixAddress } from '../../resp/address.ts';
import { nameOf, RespError, type Peer, type TcpPeer } from '../../resp/errors.ts';
import type { Role } from '../server/server.ts';

/** What means something else from each machine, or nothing to connect to at all. */
export type HostKind = 'loopback' | 'link-local' | 'unspecified' | 'multicast' | 'reserved';

/** What a node announces, and where it is from here. */
export interface NatRule {
  readonly announced: TcpPeer;
  readonly reachable: TcpPeer;
}

export class Announced {
  readonly #given: ReadonlySet<HostKind | undefined>;
  readonly #rules: readonly NatRule[];
  /** The flag that says where a node can be reached. */
  readonly flag: string;

  private constructor(given: Iterable<HostKind | undefined>, rules: readonly NatRule[], role: Role) {
    this.#given = new Set(given);
    this.#rules = rules;
    this.flag = role === 'source' ? '--from-nat' : '--to-nat';
  }

  /** @param address the one that was given */
  static async forGiven(
    address: TcpAddress | UnixAddress | SentinelAddress,
    rules: readonly NatRule[],
    role: Role,
  ): Promise<Announced> {
    if (address.kind === 'unix') return new Announced(['loopback'], rules, role);
    const hosts = address.kind === 'tcp' ? [address.host] : address.hosts.map(({ host }) => host);
    // A name may be this machine's own. Who cannot be found is missed by whoever connects.
    const found = await Promise.all(hosts.map((host) => lookup(host, { all: true }).catch(() => [])));
    const all = [...hosts, ...found.flat().map(({ address: host }) => host)];
    return new Announced(all.map(kindOfHost), rules, role);
  }

  /**
   * Where to connect to for an announced address.
   * @param asked who said it: a node that does not know its own address leaves the host out
   */
  reach(announced: TcpPeer, asked: Peer): TcpPeer {
    const isNamed = announced.host !== '' && announced.host !== '?';
    // Only a single node announces no host, and only that one can be reached by a Unix socket.
    const host = isNamed ? announced.host : 'path' in asked ? 'localhost' : asked.host;
    const { port } = announced;
    const rule = this.#rules.find(({ announced: rule }) => rule.host === host && rule.port === port);
    return rule?.reachable ?? { host, port };
  }

  /** @param peer as it is reached: what a rule leads to was given */
  believes(peer: Peer): boolean {
    return this.#doubtOf(peer) === undefined;
  }

  /** @throws RespError with the code `ANNOUNCED` */
  demand(peer: Peer): void {
    const doubt = this.#doubtOf(peer);
    if (doubt === undefined) return;
    const message = `Cannot connect to ${nameOf(peer)}, as was announced: that is a ${doubt} address, and none was given`;
    throw new RespError('ANNOUNCED', message, {
      peer,
      hint: `say where it is: ${this.flag} ${nameOf(peer)}=HOST:PORT`,
    });
  }

  #doubtOf(peer: Peer): HostKind | undefined {
    if ('path' in peer) return undefined;
    const kind = kindOfHost(peer.host);
    const isTold = this.#rules.some(({ reachable }) => nameOf(reachable) === nameOf(peer));
    return isTold || this.#given.has(kind) ? undefined : kind;
  }
}

/** Whoever is named first by the address that was given. */
export function firstPeerOf(address: TcpAddress | UnixAddress | SentinelAddress): Peer {
  if (address.kind === 'unix') return { path: address.path };
  return address.kind === 'tcp' ? { host: address.host, port: address.port } : address.hosts[0]!;
}

const V4: readonly (readonly [RegExp, HostKind])[] = [
  [/^127\./, 'loopback'],
  [/^169\.254\./, 'link-local'],
  [/^0\./, 'unspecified'],
  [/^2(2[4-9]|3\d)\./, 'multicast'],
  [/^2(4\d|5[0-5])\./, 'reserved'],
];
const V6: readonly (readonly [RegExp, HostKind])[] = [
  [/^::1$/, 'loopback'],
  [/^::$/, 'unspecified'],
  [/^fe[89ab]/, 'link-local'],
  [/^ff/, 'multicast'],
];

/** Of any address, in each of its spellings, or of a name that means this machine; `undefined` where it means one machine. */
export function kindOfHost(host: string): HostKind | undefined {
  const plain = canonical(host);
  if (/^(.+\.)?localhost\.?$/.test(plain)) return 'loopback';
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(plain) ?? [];
  if (high !== undefined) return kindOfHost([high, low!].flatMap(bytesOf).join('.'));
  return (plain.includes(':') ? V6 : V4).find(([pattern]) => pattern.test(plain))?.[1];
}

/** `127.1` is an address as well, and so is `0x7f000001`: the parser of URLs knows them all. */
function canonical(host: string): string {
  try {
    const { hostname } = new URL(`http://${host.includes(':') ? `[${host.replace(/%.*$/, '')}]` : host}`);
    return hostname.replace(/^\[(.*)\]$/, '$1');
  } catch {
    return host.toLowerCase();
  }
}

function bytesOf(group: string): number[] {
  const number = Number.parseInt(group, 16);
  return [number >> 8, number & 0xff];
}
