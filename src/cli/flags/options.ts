// The table of flags: parser, environment and help are made from it. It knows no command.

import { databaseMap, databases, endpoint, file, natRule, oneOf, text, toggle, typeName, type Kind } from './kinds.ts';
import { LIVE_OPTIONS } from './live-options.ts';
import { WORKER_OPTIONS } from './worker-options.ts';
import type { Group, Option } from './option.ts';
import { OUTPUT_OPTIONS } from './output-options.ts';
import { duration, durationOrZero, size, sizeUpTo, wholeNumber } from '../../sync/quantities.ts';

const LINES = /\r?\n/;
const LINES_OR_COMMAS = /[\r\n,]+/;

/** Each connection holds so much, for each direction. */
const MOST_TRACE_BYTES = 1024 * 1024;

const glob = text('GLOB', 'it takes a pattern such as user:*');
const prefix = text('TEXT', 'it takes the beginning of a key');
const hostName = text('NAME', 'it takes a host name');

const TRACE = {
  flag: 'trace',
  why: 'without --trace no frame is shown',
  hint: 'give --trace as well',
};

const VERIFY = {
  flag: 'verify',
  why: 'a copy does not compare',
  hint: 'give --verify as well, or write rump check',
};

export const OPTIONS = {
  from: { group: 'Endpoints', kind: endpoint, help: 'the source; it is never written to' },
  to: { group: 'Endpoints', kind: endpoint, help: 'the target' },
  'from-password-file': {
    group: 'Endpoints',
    kind: file,
    help: 'the password of the source; wins over the URL',
  },
  'to-password-file': { group: 'Endpoints', kind: file, help: 'the password of the target' },
  'from-sentinel-password-file': {
    group: 'Endpoints',
    kind: file,
    help: "the password of the source's sentinels",
  },
  'to-sentinel-password-file': {
    group: 'Endpoints',
    kind: file,
    help: "the password of the target's sentinels",
  },

  'from-tls-ca': {
    group: 'TLS and clusters',
    kind: file,
    help: 'authorities to trust in place of those of Node',
  },
  'from-tls-cert': {
    group: 'TLS and clusters',
    kind: file,
    help: 'our certificate, where the source asks for one',
  },
  'from-tls-key': { group: 'TLS and clusters', kind: file, help: 'the key to it' },
  'from-tls-servername': {
    group: 'TLS and clusters',
    kind: hostName,
    help: "the name in the source's certificate",
    fallback: 'the host in the URL',
  },
  'from-tls-insecure': {
    group: 'TLS and clusters',
    kind: toggle,
    help: 'take any certificate: whoever stands in between can read and change everything',
  },
  'from-nat': {
    group: 'TLS and clusters',
    kind: natRule,
    separator: LINES_OR_COMMAS,
    help: 'reach the node that the source announces as the first at the second; repeatable',
  },
  'to-tls-ca': { group: 'TLS and clusters', kind: file, help: 'as --from-tls-ca, for the target' },
  'to-tls-cert': { group: 'TLS and clusters', kind: file, help: 'as --from-tls-cert' },
  'to-tls-key': { group: 'TLS and clusters', kind: file, help: 'as --from-tls-key' },
  'to-tls-servername': { group: 'TLS and clusters', kind: hostName, help: 'as --from-tls-servername' },
  'to-tls-insecure': { group: 'TLS and clusters', kind: toggle, help: 'as --from-tls-insecure' },
  'to-nat': { group: 'TLS and clusters', kind: natRule, separator: LINES_OR_COMMAS, help: 'as --from-nat' },

  db: { group: 'Which keys', kind: databases, help: 'the source databases', fallback: 'the one in the URL' },
  'db-map': {
    group: 'Which keys',
    kind: databaseMap,
    help: 'source database:target database',
    fallback: 'the same number; for one that is named, the one in the target URL',
  },
  match: {
    group: 'Which keys',
    kind: glob,
    separator: LINES,
    help: 'only keys that match; repeatable: any of them',
  },
  exclude: {
    group: 'Which keys',
    kind: glob,
    separator: LINES,
    help: 'no keys that match; repeatable: none of them',
  },
  type: {
    group: 'Which keys',
    kind: typeName,
    help: 'only keys of this type: string, list, set, zset, hash, stream, or one of a module',
  },
  'strip-prefix': { group: 'Which keys', kind: prefix, help: 'take this from the beginning of keys that have it' },
  'add-prefix': { group: 'Which keys', kind: prefix, help: 'then put this in front of every key' },

  'on-conflict': {
    group: 'Copy',
    kind: oneOf('replace', 'skip', 'fail'),
    help: 'a key that the target has',
    fallback: 'replace',
  },
  'first-copy': {
    group: 'Copy',
    kind: oneOf('scan', 'snapshot'),
    help: 'read by SCAN, or take the snapshot that a source makes for its replicas',
    fallback: 'scan',
  },
  ttl: { group: 'Copy', kind: toggle, help: 'keep expiries, as is done anyway', excludes: ['no-ttl'] },
  'no-ttl': { group: 'Copy', kind: toggle, help: 'drop expiries', excludes: ['ttl'] },
  'preserve-idle': { group: 'Copy', kind: toggle, help: 'carry idle times or access frequencies' },
  'fail-fast': { group: 'Copy', kind: toggle, help: 'stop at the first key that fails' },
  'dry-run': {
    group: 'Copy',
    shorts: ['n'],
    kind: toggle,
    help: 'look at both sides and count the keys; write nothing',
    excludes: ['verify', 'live', 'resume'],
  },
  resume: {
    group: 'Copy',
    kind: text('FILE|target', 'it takes a file, or target'),
    help: 'keep progress in FILE, or at the target; go on from it if it is there; removed on success',
    excludes: ['dry-run'],
  },
  verify: {
    group: 'Copy',
    kind: toggle,
    help: 'then compare what was copied, as rump check does',
    excludes: ['dry-run'],
  },

  ...LIVE_OPTIONS,

  combined: {
    group: 'Check',
    kind: file,
    help: 'write a line for every key into this file, or to stdout for -: = + - or *',
  },
  'ttl-tolerance': {
    group: 'Check',
    needs: VERIFY,
    kind: durationOrZero,
    help: 'how far apart expiries may be',
    fallback: '0s where both sides tell them exactly, otherwise 1s',
  },
  recheck: {
    group: 'Check',
    needs: VERIFY,
    kind: wholeNumber(0),
    help: 'how often keys that differ are looked at again',
    fallback: '3',
  },
  'recheck-interval': {
    group: 'Check',
    needs: VERIFY,
    kind: durationOrZero,
    help: 'the pause before each of these looks',
    fallback: '2s',
  },

  limit: {
    group: 'Inspect',
    kind: wholeNumber(0),
    help: 'elements that are shown of a value; 0 for all',
    fallback: '100',
  },
  depth: {
    group: 'Inspect',
    kind: wholeNumber(1),
    help: 'parts of a name, up to a colon each, that make a prefix',
    fallback: '1',
  },

  ndjson: {
    group: 'Inspect',
    kind: toggle,
    help: 'print every key with its value as a line of JSON',
    excludes: ['json'],
  },

  ...WORKER_OPTIONS,

  count: { group: 'Load', kind: wholeNumber(1), help: 'SCAN COUNT', fallback: 'chosen by rump' },
  buffer: { group: 'Load', kind: size, help: 'memory between reader and writer', fallback: '64M' },
  'big-key': {
    group: 'Load',
    kind: size,
    help: 'values above it go in pieces',
    fallback: 'by --max-latency, as measured',
  },
  'max-latency': {
    group: 'Load',
    kind: duration,
    help: 'longest wait of other clients of the source',
    fallback: '50ms',
  },
  'max-reply': {
    group: 'Load',
    kind: size,
    help: 'a longer list of names, or page of a large value, ends the run',
    fallback: '128M',
  },
  bwlimit: { group: 'Load', kind: size, help: 'most bytes a second', fallback: 'no limit' },
  tpslimit: { group: 'Load', kind: wholeNumber(1), help: 'most keys a second', fallback: 'no limit' },
  control: {
    group: 'Load',
    kind: text('SOCKET', 'it takes the path of a Unix socket'),
    help: 'a Unix socket through which rump ctl speaks to the run',
  },
  retries: {
    group: 'Load',
    kind: wholeNumber(0),
    help: 'how often in a row a lost connection is opened again',
    fallback: '10',
  },
  'retry-max': { group: 'Load', kind: duration, help: 'the longest pause before that', fallback: '30s' },
  timeout: { group: 'Load', kind: duration, help: 'so long without progress fails', fallback: '60s' },

  ...OUTPUT_OPTIONS,

  trace: {
    group: 'Frames',
    kind: file,
    help: 'write every frame of every connection into this file, or to stderr for -',
  },
  record: {
    group: 'Frames',
    kind: text('DIR', 'it takes the path of a folder'),
    help: 'keep all bytes of every connection in this folder, for rump inspect',
  },
  'trace-bytes': {
    group: 'Frames',
    needs: TRACE,
    kind: sizeUpTo(MOST_TRACE_BYTES),
    help: 'bytes that are shown of each string',
    fallback: '64',
  },
  'trace-match': {
    group: 'Frames',
    needs: TRACE,
    kind: glob,
    separator: LINES,
    help: 'only frames with a name that matches, and the replies to such; repeatable: any of them',
  },
  'trace-format': {
    group: 'Frames',
    needs: TRACE,
    kind: oneOf('text', 'ndjson'),
    help: 'lines for people, or one JSON object a line',
    fallback: 'text',
  },
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof OPTIONS;

type ValueOf<O> = O extends { readonly kind: Kind<infer T> }
  ? O extends { readonly separator: RegExp }
    ? readonly T[]
    : T
  : never;

/** Repeatable flags have a list. */
export type OptionValues = { readonly [Name in OptionName]?: ValueOf<(typeof OPTIONS)[Name]> };

/** In the order of the table. */
export const OPTION_LIST = Object.entries(OPTIONS) as readonly (readonly [OptionName, Option])[];

export const OPTION_NAMES = OPTION_LIST.map(([name]) => name);

/** All flags of some groups, and others by name. */
export function flagsOf(groups: readonly Group[], names: readonly OptionName[] = []): ReadonlySet<OptionName> {
  const grouped = OPTION_LIST.filter(([, { group }]) => groups.includes(group)).map(([name]) => name);
  return new Set([...grouped, ...names]);
}

/** `RUMP_ON_CONFLICT` for `on-conflict`. */
export function environmentNameOf(name: OptionName): string {
  return `RUMP_${name.replaceAll('-', '_').toUpperCase()}`;
}
