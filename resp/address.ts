// Where a database is, as it is written on the command line. A password goes in here and is never shown again.

import { AddressError } from './errors.ts';
import { percentDecode, percentEncode } from './percent-encoding.ts';

export interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface TcpAddress extends Credentials {
  readonly kind: 'tcp';
  /** A name or an IP address, IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
  readonly db?: number | undefined;
  readonly tls: boolean;
}

export interface UnixAddress extends Credentials {
  readonly kind: 'unix';
  readonly path: string;
  readonly db?: number | undefined;
}

export interface SentinelAddress extends Credentials {
  readonly kind: 'sentinel';
  readonly hosts: readonly HostPort[];
  readonly service: string;
  readonly db?: number | undefined;
  readonly tls: boolean;
}

/** A file of RESTORE frames; `-` is stdin or stdout. */
export interface StreamAddress {
  readonly kind: 'stream';
  readonly path: string;
}

/** A Redis snapshot file. */
export interface SnapshotAddress {
  readonly kind: 'snapshot';
  readonly path: string;
}

/** A file with a JSON object for each key, which is only written; `-` is stdout. */
export interface NdjsonAddress {
  readonly kind: 'ndjson';
  readonly path: string;
}

/** A file whose name does not say what it is: only its bytes do. */
export interface NamelessAddress {
  readonly kind: 'nameless';
  readonly path: string;
}

export type FileAddress = StreamAddress | SnapshotAddress | NdjsonAddress | NamelessAddress;
export type Address = TcpAddress | UnixAddress | SentinelAddress | FileAddress;

export function isFile(address: Address): address is FileAddress {
  return 'path' in address && address.kind !== 'unix';
}

/** Whether it is stdin, or stdout where it is written. */
export function isStandardStream(address: Address): boolean {
  return isFile(address) && address.path === STANDARD_STREAM;
}

interface HostPort {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;
const HIDDEN = '***';
const STANDARD_STREAM = '-';
/** stdout, where it is to have lines of JSON. */
export const NDJSON_TO_STDOUT = '-.ndjson';
/** How stdin and stdout are written. */
export const STANDARD_STREAMS: ReadonlySet<string> = new Set([STANDARD_STREAM, NDJSON_TO_STDOUT]);
/** With nothing in front that could be a password. */
const HOST_PORT = /^(?:\[[^\]@/]+\]|[^\s:/@?#[\]]+):\d+(?:\/\d*)?$/;
const ENDING = /[^/]\.(resp|rdb|ndjson)(?:\.gz)?$/i;
const WITH_SCHEME = /^([a-z][a-z0-9+.-]*):\/\/([^]*)$/i;

/** @throws AddressError, which shows the text without its password */
export function parseAddress(text: string): Address {
  const [, scheme, rest] = WITH_SCHEME.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) return parseBare(text);
  const refuse: Refuse = (why, hint) =>
    new AddressError(`Cannot understand the address ${redactAddress(text)}: ${why}`, hint);
  switch (scheme.toLowerCase()) {
    case 'redis':
    case 'valkey':
      return parseTcp(rest, false, refuse);
    case 'rediss':
    case 'valkeys':
      return parseTcp(rest, true, refuse);
    case 'unix':
      return parseUnix(rest, refuse);
    case 'redis+sentinel':
    case 'redis-sentinel':
      return parseSentinel(rest, false, refuse);
    case 'rediss+sentinel':
    case 'rediss-sentinel':
      return parseSentinel(rest, true, refuse);
    case 'file':
      return fileAt(percentDecode(rest.replace(/^localhost(?=\/)/i, '')));
    default:
      throw refuse(`${scheme}:// is no scheme that rump knows`, 'write redis://host:port');
  }
}

/** The address with its password as `***`; the rest can be parsed again. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case 'tcp': {
      const scheme = address.tls ? 'rediss' : 'redis';
      return `${scheme}://${formatCredentials(address)}${formatHostPort(address)}${formatDb('/', address.db)}`;
    }
    case 'unix':
      return `unix://${formatCredentials(address)}${percentEncode(address.path, '/')}${formatDb('?db=', address.db)}`;
    case 'sentinel': {
      const scheme = address.tls ? 'rediss+sentinel' : 'redis+sentinel';
      const hosts = address.hosts.map((host) => formatHostPort(host)).join(',');
      const service = percentEncode(address.service);
      return `${scheme}://${formatCredentials(address)}${hosts}/${service}${formatDb('/', address.db)}`;
    }
    case 'ndjson':
      return isStandardStream(address) ? NDJSON_TO_STDOUT : address.path;
    default:
      return address.path;
  }
}

/** Any text that was meant as an address, right or wrong, without what may be a password in it. */
export function redactAddress(text: string): string {
  const [, scheme, rest = text] = WITH_SCHEME.exec(text) ?? [];
  const prefix = scheme === undefined ? '' : `${scheme}://`;
  const at = rest.lastIndexOf('@');
  if (at >= 0) return `${prefix}${HIDDEN}@${hideQuery(rest.slice(at + 1))}`;
  // Where the `@host` was forgotten, the password stands in the place of the port.
  return prefix + hideQuery(rest).replace(/(?:^:|(?<!:):(?!:|\d{1,5}(?:[,/?]|$)))[^]*$/, `:${HIDDEN}`);
}

/** A file, or a server as it is written everywhere else. */
function parseBare(text: string): Address {
  return HOST_PORT.test(text) ? parseAddress(`redis://${text}`) : parseFile(text);
}

type Refuse = (why: string, hint?: string) => AddressError;

function parseFile(text: string): FileAddress {
  // A bare word is taken for a host, and so is what has a colon or an @, unless it begins as a path does.
  const isPath = /^\.{0,2}\//.test(text) || (text.includes('/') && !/[:@]/.test(text));
  if (text === STANDARD_STREAM || isPath || ENDING.test(text)) return fileAt(text);
  const what = text === '' ? 'it is empty' : 'it has no scheme';
  throw new AddressError(`Cannot understand the address ${redactAddress(text)}: ${what}`, 'write redis://host:port');
}

/** By the end of its name, packed or not. */
function fileAt(path: string): FileAddress {
  if (path === STANDARD_STREAM) return { kind: 'stream', path };
  if (path === NDJSON_TO_STDOUT) return { kind: 'ndjson', path: STANDARD_STREAM };
  switch (ENDING.exec(path)?.[1]?.toLowerCase()) {
    case 'resp':
      return { kind: 'stream', path };
    case 'rdb':
      return { kind: 'snapshot', path };
    case 'ndjson':
      return { kind: 'ndjson', path };
    default:
      return { kind: 'nameless', path };
  }
}

function parseTcp(rest: string, tls: boolean, refuse: Refuse): TcpAddress {
  const { credentials, tail } = splitUserinfo(rest, rest.lastIndexOf('@'));
  const [hostPort, db, ...more] = splitPath(tail, refuse);
  if (more.length > 0) throw refuse('nothing may follow the database');
  return {
    kind: 'tcp',
    ...credentials,
    ...parseHostPort(hostPort, DEFAULT_PORT, refuse),
    ...parseDb(db, refuse),
    tls,
  };
}

function parseUnix(rest: string, refuse: Refuse): UnixAddress {
  // A path may hold an @, so userinfo ends at the last @ from which a path starts.
  const { credentials, tail } = splitUserinfo(rest, rest.startsWith('/') ? -1 : rest.lastIndexOf('@/'));
  const [, path = '', query] = /^([^?]*)(?:\?([^]*))?$/.exec(tail) ?? [];
  if (!/^\/.*[^/]$/s.test(path)) throw refuse('it needs the full path of a socket', 'write unix:///path/to/socket');
  if (query !== undefined && !query.startsWith('db=')) throw refuse('only ?db=N may follow the path');
  return { kind: 'unix', ...credentials, path: percentDecode(path), ...parseDb(query?.slice('db='.length), refuse) };
}

function parseSentinel(rest: string, tls: boolean, refuse: Refuse): SentinelAddress {
  const { credentials, tail } = splitUserinfo(rest, rest.lastIndexOf('@'));
  const [hosts, service = '', db, ...more] = splitPath(tail, refuse);
  if (service === '') throw refuse('it names no service', 'write redis+sentinel://host:26379/service');
  if (more.length > 0) throw refuse('nothing may follow the database');
  return {
    kind: 'sentinel',
    ...credentials,
    hosts: hosts.split(',').map((host) => parseHostPort(host, DEFAULT_SENTINEL_PORT, refuse)),
    service: percentDecode(service),
    ...parseDb(db, refuse),
    tls,
  };
}

/** A raw password may hold any character: its end is the last @, its start the first colon. */
function splitUserinfo(rest: string, at: number): { credentials: Credentials; tail: string } {
  if (at < 0) return { credentials: {}, tail: rest };
  const [, user = '', password] = /^([^:]*)(?::([^]*))?$/.exec(rest.slice(0, at)) ?? [];
  const username = user === '' ? {} : { username: percentDecode(user) };
  // The user comes with an empty password where it needs none; without a user there is nothing to log in with.
  const isLogin = password !== undefined && (password !== '' || user !== '');
  return {
    credentials: { ...username, ...(isLogin ? { password: percentDecode(password) } : {}) },
    tail: rest.slice(at + 1),
  };
}

function splitPath(tail: string, refuse: Refuse): [string, ...string[]] {
  if (tail.includes('?')) throw refuse('a query is only understood behind unix://', 'write the database as /N');
  const parts = tail.split('/');
  if (parts.length > 1 && parts.at(-1) === '') parts.pop();
  return parts as [string, ...string[]];
}

function parseHostPort(text: string, defaultPort: number, refuse: Refuse): HostPort {
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^]*))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (bracketed === undefined && port?.includes(':')) {
    throw refuse('it has more than one port', 'write an IPv6 address in brackets: redis://[::1]:6379');
  }
  if (host === '') throw refuse('it names no host', 'write redis://host:port');
  const isHost = bracketed === undefined ? /^[^\s\p{Cc}?#@[\]%,\\]+$/u : /^[0-9a-f.]*:[0-9a-f.:]*(?:%[\w.-]+)?$/i;
  if (!isHost.test(host)) throw refuse(bracketed === undefined ? 'that is no host name' : 'that is no IPv6 address');
  if (port === undefined) return { host, port: defaultPort };
  const number = Number(port);
  if (!/^\d{1,5}$/.test(port) || number < 1 || number > 65_535)
    throw refuse('the port must be a number from 1 to 65535');
  return { host, port: number };
}

function parseDb(text: string | undefined, refuse: Refuse): { db?: number } {
  if (text === undefined) return {};
  if (!/^\d{1,9}$/.test(text)) throw refuse('the database must be a number such as 0');
  return { db: Number(text) };
}

function formatCredentials({ username, password }: Credentials): string {
  // A lone word before the @ is the user here, but the password to redis-cli: better not shown.
  if (password === undefined) return username === undefined ? '' : `${HIDDEN}@`;
  return `${percentEncode(username ?? '')}:${HIDDEN}@`;
}

function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function formatDb(before: string, db: number | undefined): string {
  return db === undefined ? '' : `${before}${db}`;
}

function hideQuery(text: string): string {
  return text.replace(/\?(?!db=\d*$)[^]*$/, `?${HIDDEN}`);
}
