// Parts of snapshots as newer servers, Redis Enterprise and KeyDB write them, built byte by byte from their descriptions.
import * as build from '../src/rdb/payload-builder.ts';
import { snapshotOf } from './rdb-file.ts';

export type Part = Buffer | readonly number[];

/** A key that anybody can read. */
export const LAST = [[0], build.strings('last', 'value')];
export const bytes = (...parts: readonly Part[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));
export const id = (ms: number): Buffer => {
  const raw = Buffer.alloc(16);
  raw.writeBigUInt64BE(BigInt(ms), 0);
  return raw;
};
/** One entry, one group in which it is pending, and what the version has behind that. */
export const stream = (...behindConsumers: readonly Part[]): Buffer =>
  bytes(
    [1],
    build.string(id(1)),
    build.string('listpack'),
    [1, 1, 0, 1, 0, 0, 0, 1],
    [1],
    build.string('group'),
    [1, 0, 1],
    [1],
    id(1),
    build.milliseconds(1000),
    [3],
    [1],
    build.string('consumer'),
    build.milliseconds(1000),
    build.milliseconds(1000),
    [1],
    id(1),
    ...behindConsumers,
  );
export const producers = bytes(
  [0x40, 100, 0x40, 200, 1],
  build.string('producer'),
  [1],
  build.string('message'),
  [1, 0],
  [5, 6],
);
export const array = bytes(
  [4, 1, 9],
  [0, 1],
  Buffer.alloc(8),
  [1, 2],
  Buffer.alloc(8),
  [2, 3],
  build.string('small'),
  [3, 0],
  build.string('s'),
);

/** A key and its metadata, a key of each new type, and what the others put between keys. */
export function foreignSnapshots(): Buffer[] {
  const metadata = [[243, 2], [1, 2, 3, 4, 2, 5, 0], [5, 6, 7, 8, 5], build.string('data'), [0]];
  const key = build.string('newer');
  const templates = [[242, 7, 2, ...build.strings('f', 'g')], [32], key, bytes([7], build.strings('1', '2'))];
  const script = bytes([64], build.strings('cron', 'return 1'), Buffer.alloc(16), [1], build.string('key'), [0]);
  const expiry = [[250], build.strings('keydb-subexpire-key', 'm'), [250], build.strings('keydb-subexpire-when', '1')];
  const early = [[246], build.strings('early', 'LUA'), [1], build.strings('description', 'code')];
  return [
    snapshotOf('REDIS0013', ...metadata, ...LAST, [26], key, stream(), producers, ...LAST),
    snapshotOf('REDIS0014', [27], key, stream([1], id(1)), producers, [28], key, array, ...LAST),
    snapshotOf('REDIS0015', ...templates, [30], key, build.string('listpack'), ...LAST),
    snapshotOf('REDIS0012', [107, 0x40, 67], ...LAST, [121, 0x7f, 0xff], ...early, ...LAST),
    snapshotOf('REDIS0009', script, ...LAST, ...expiry, [2], build.string('empty'), [0]),
  ];
}
