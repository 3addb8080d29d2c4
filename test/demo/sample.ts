// What the demo copies: keys of every type in everyday shapes, a quarter of them with an expiry, some with odd names.
import type { TestClient } from '../support/client.ts';
import type { Argument } from '../support/frames.ts';

type Command = readonly Argument[];

interface Kind {
  readonly name: string;
  readonly count: number;
  readonly write: (key: Buffer, index: number) => Command[];
}

const DAY_MS = 86_400_000;
const EXPIRING = 4;
const ODD = 25;
/** In a key no client would print: a zero byte, a line end, bytes that are no UTF-8. */
const ODD_BYTES = Buffer.from([0x00, 0x0d, 0x0a, 0xff, 0xfe, 0x20, 0x22]);

const KINDS: readonly Kind[] = [
  {
    name: 'session',
    count: 2000,
    write: (key, index) => [
      ['SET', key, Buffer.concat([ODD_BYTES, Buffer.alloc(20 + (index % 400), `user ${index};`)])],
    ],
  },
  {
    name: 'user',
    count: 1000,
    write: (key, index) => [['HSET', key, 'name', `User ${index}`, 'visits', index, 'token', ODD_BYTES, '', '']],
  },
  {
    name: 'queue',
    count: 600,
    write: (key, index) => [['RPUSH', key, ...numbered('job', 1 + (index % 40))]],
  },
  {
    name: 'tags',
    count: 600,
    write: (key, index) => [['SADD', key, ...(index % 2 === 0 ? numbered('tag', 1 + (index % 30)) : [index, -index])]],
  },
  {
    name: 'ranking',
    count: 600,
    write: (key, index) => [
      ['ZADD', key, 'inf', 'first', 0.1, 'last', ...numbered('player', index % 20).flatMap((name, i) => [i / 3, name])],
    ],
  },
  {
    name: 'events',
    count: 200,
    write: (key, index) =>
      numbered('event', 1 + (index % 15)).map((name, i) => ['XADD', key, `${1000 + i * 7}-${index}`, 'name', name]),
  },
];

/** Resolves with the number of keys. */
export async function fillSample(client: TestClient): Promise<number> {
  const commands: Command[] = [];
  const tomorrow = Date.now() + DAY_MS;
  let keys = 0;
  for (const { name, count, write } of KINDS) {
    for (let index = 0; index < count; index += 1) {
      const plain = Buffer.from(`${name}:${index}`);
      const key = index % ODD === 0 ? Buffer.concat([plain, ODD_BYTES]) : plain;
      commands.push(...write(key, index));
      if (index % EXPIRING === 0) commands.push(['PEXPIREAT', key, tomorrow + keys * 1009]);
      keys += 1;
    }
  }
  const failure = (await client.pipeline(commands)).find((reply) => reply instanceof Error);
  if (failure !== undefined) throw failure;
  return keys;
}

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index}`);
}
