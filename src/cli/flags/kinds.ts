// The kinds of values that flags take: how each is parsed, and what an error says about one that is wrong, with a guess at
// what was meant.

import { formatAddress, parseAddress, redactAddress, STANDARD_STREAMS } from '../../../resp/address.ts';
import { AddressError, RespError, type TcpPeer } from '../../../resp/errors.ts';
import type { NatRule } from '../../sync/options.ts';

const STD_STREAM = '-';

export interface Kind<T> {
  /** What stands for the value in the help; a switch takes none. */
  readonly placeholder?: string;
  /** What is allowed, as the end of "Cannot use "x" for --flag: …". */
  readonly expected: string;
  /** What a refused text probably meant. */
  readonly suggest?: (text: string) => string | undefined;
  /** `undefined` refuses the text. May throw an AddressError. */
  parse(text: string): T | undefined;
}

/**
 * Parses one value. Its error shows no password.
 * @param origin where the text was given: `--count` or `RUMP_COUNT`
 * @throws UsageError
 */
export function readValue(kind: Kind<unknown>, text: string, origin: string): unknown {
  if (text === '' && kind.placeholder !== undefined) {
    throw new UsageError(`Cannot use ${origin} without its value`, kind.expected);
  }
  const value = parseValue(kind, text, origin);
  if (value !== undefined) return value;
  const meant = kind.suggest?.(text);
  const hint = meant === undefined || kind.parse(meant) === undefined ? undefined : `did you mean ${meant}?`;
  throw new UsageError(`Cannot use "${redactAddress(text)}" for ${origin}: ${kind.expected}`, hint);
}

function parseValue(kind: Kind<unknown>, text: string, origin: string): unknown {
  try {
    return kind.parse(text);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    const { message } = error;
    throw new UsageError(
      `Cannot use ${origin}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`,
      error.hint,
      error,
    );
  }
}

export const toggle: Kind<boolean> = {
  expected: 'it is either on (1, true, yes, on) or off (0, false, no, off)',
  parse(text) {
    if (/^(?:1|true|yes|on)$/i.test(text)) return true;
    return /^(?:0|false|no|off|)$/i.test(text) ? false : undefined;
  },
};

/** Any text. */
export function text(placeholder: string, expected: string): Kind<string> {
  return { placeholder, expected, parse: (given) => given };
}

export const file = text('FILE', 'it takes the path of a file');

/** One that has no stream in its place. */
export const ownFile: Kind<string> = { ...file, parse: (given) => (given === STD_STREAM ? undefined : given) };

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    placeholder: words.join('|'),
    expected: `it is one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  };
}

/** The text itself, known to be an address; stdin and stdout have one form. */
export const endpoint: Kind<string> = {
  placeholder: 'ENDPOINT',
  expected: 'it takes an address',
  parse(text) {
    const shown = formatAddress(parseAddress(text));
    return STANDARD_STREAMS.has(shown) ? shown : text;
  },
};

const LOOPBACK = '127.0.0.1';
const MOST_PORT = 65_535;

/** Host and port, and nothing else that an address may have. */
const HOST_PORT = /^[^@/?]+:\d+$/;

/** Where a cluster node can be reached from here: 10.0.0.1:6379=127.0.0.1:7001. */
export const natRule: Kind<NatRule> = {
  placeholder: 'HOST:PORT=HOST:PORT',
  expected: 'it takes what a node says of itself, then where it is, such as 10.0.0.1:6379=[::1]:7001',
  parse(text) {
    const [announced, reachable, ...more] = text.split('=').map(parsePeer);
    return announced && reachable && more.length === 0 ? { announced, reachable } : undefined;
  },
};

/** The host is this machine alone where it is left out: 9121, :9121, 0.0.0.0:9121, [::1]:9121. */
export const listenAddress: Kind<TcpPeer> = {
  placeholder: '[HOST:]PORT',
  expected: 'it takes a port, or a host and a port, such as 9121 or [::1]:9121; port 0 is any that is free',
  parse(text) {
    const [, host, port] = /^(?:([^@/?#\s]*):)?(\d{1,5})$/.exec(text) ?? [];
    if (port === undefined || Number(port) > MOST_PORT) return undefined;
    if (host === undefined || host === '') return { host: LOOPBACK, port: Number(port) };
    // An address of IPv6 has brackets here, and none where it is listened on.
    const [, bracketed] = /^\[([\da-f:.]+(?:%\w+)?)\]$/i.exec(host) ?? [];
    if (bracketed === undefined && /[[\]:]/.test(host)) return undefined;
    return { host: bracketed ?? host, port: Number(port) };
  },
};

function parsePeer(text: string): TcpPeer | undefined {
  if (!HOST_PORT.test(text)) return undefined;
  const address = parseAddress(`redis://${text}`);
  return address.kind === 'tcp' ? { host: address.host, port: address.port } : undefined;
}

const DATABASES = /^\d{1,9}(?:,\d{1,9})*$/;

/** Databases in the order given, none twice: 0,3 or all. */
export const databases: Kind<readonly number[] | 'all'> = {
  placeholder: 'N,...|all',
  expected: 'it takes numbers from 0 up such as 0,3, each of them once, or all',
  parse(text) {
    if (text === 'all') return text;
    if (!DATABASES.test(text)) return undefined;
    const numbers = text.split(',').map(Number);
    return new Set(numbers).size === numbers.length ? numbers : undefined;
  },
};

const DATABASE_PAIRS = /^\d{1,9}:\d{1,9}(?:,\d{1,9}:\d{1,9})*$/;

/** Target database by source database: 0:5,3:0. */
export const databaseMap: Kind<ReadonlyMap<number, number>> = {
  placeholder: 'N:N,...',
  expected: 'it takes pairs of a source and a target database such as 0:5,3:0, each source database once',
  parse(text) {
    if (!DATABASE_PAIRS.test(text)) return undefined;
    const pairs = text.split(',').map((pair) => pair.split(':').map(Number) as [source: number, target: number]);
    const map = new Map(pairs);
    return map.size === pairs.length ? map : undefined;
  },
};

/** The name of a type, as TYPE gives it; modules have their own. */
export const typeName: Kind<string> = {
  placeholder: 'TYPE',
  expected: 'it takes the name of a type: string, list, set, zset, hash, stream, or one of a module',
  parse: (given) => (/^[\w.-]+$/.test(given) ? given : undefined),
};

/** `code` is `USAGE`. */
export class UsageError extends RespError {
  override readonly name = 'UsageError';

  constructor(message: string, hint?: string, cause?: unknown) {
    super('USAGE', message, { hint, cause });
  }
}

/**
 * The candidate that was probably meant: it begins with the text, or is few keystrokes away.
 * @param most keystrokes
 */
export function nearest<T extends string>(text: string, candidates: readonly T[], most = 3): T | undefined {
  const word = text.toLowerCase();
  const longer = candidates.find((candidate) => word.length >= 2 && candidate.startsWith(word));
  if (longer !== undefined) return longer;
  const allowed = Math.min(most, Math.floor(word.length / 2));
  const [best] = candidates
    .map((candidate) => ({ candidate, edits: editsBetween(word, candidate) }))
    .filter(({ edits }) => edits <= allowed)
    .toSorted((a, b) => a.edits - b.edits);
  return best?.candidate;
}

/** Levenshtein's distance, row by row. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + change));
    }
    row = next;
  }
  return row[b.length]!;
}

/** What redis-cli writes for bytes that are no text. */
const ESCAPED = /\\(?:x([0-9a-fA-F]{2})|([nrtab"\\]))/g;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };

/** A key on the command line: as it is, or between double quotes in the quoting of redis-cli, which can say any bytes. */
export function keyOperand(text: string): Buffer {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return Buffer.from(text);
  const inner = Buffer.from(text.slice(1, -1)).toString('latin1');
  const bytes = inner.replaceAll(ESCAPED, (_, hex: string | undefined, one: string) =>
    hex === undefined ? (ESCAPES[one] ?? one) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1');
}
