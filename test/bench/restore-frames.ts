// The source as a file of the RESTORE frames that a copy would send: what floor (a) replays.
import { open, type FileHandle } from 'node:fs/promises';
import type { TestClient } from '../support/client.ts';
import { command } from '../support/frames.ts';

/** 25 MB a page where values are large; the time that it takes is not measured. */
const PAGE_KEYS = 100;

/** Resolves with the bytes of all keys and payloads. */
export async function writeRestoreFrames(sources: readonly TestClient[], path: string): Promise<number> {
  const file = await open(path, 'w');
  try {
    let bytes = 0;
    for (const source of sources) bytes += await writeAll(source, file);
    return bytes;
  } finally {
    await file.close();
  }
}

async function writeAll(source: TestClient, file: FileHandle): Promise<number> {
  let bytes = 0;
  let cursor = '0';
  do {
    const [next, keys] = (await source.send('SCAN', cursor, 'COUNT', PAGE_KEYS)) as [Buffer, Buffer[]];
    const frames: Buffer[] = [];
    for (const { key, payload, expireAt } of await dump(source, keys)) {
      bytes += key.length + payload.length;
      frames.push(
        expireAt === undefined
          ? command('RESTORE', key, 0, payload, 'REPLACE')
          : command('RESTORE', key, expireAt, payload, 'REPLACE', 'ABSTTL'),
      );
    }
    await file.write(Buffer.concat(frames));
    cursor = next.toString();
  } while (cursor !== '0');
  return bytes;
}

interface Dumped {
  readonly key: Buffer;
  readonly payload: Buffer;
  readonly expireAt: number | undefined;
}

/** By PTTL, which every server has: the floor needs the work of an expiry, not its exact millisecond. */
async function dump(source: TestClient, keys: readonly Buffer[]): Promise<Dumped[]> {
  const replies = await source.pipeline(keys.flatMap((key) => [['DUMP', key] as const, ['PTTL', key] as const]));
  return keys.map((key, index) => {
    const payload = replies[2 * index];
    const ttl = replies[2 * index + 1];
    if (!Buffer.isBuffer(payload) || typeof ttl !== 'number') {
      throw new Error(`Cannot read ${key.toString()} from the source: ${String(payload)}, ${String(ttl)}`);
    }
    return { key, payload, expireAt: ttl < 0 ? undefined : Date.now() + ttl };
  });
}
