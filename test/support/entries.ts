// The two ends of a channel for a test: entries that go in, and entries that come out.
import { Channel } from '../../src/flow/channel.ts';
import { newEntry, sizeOf, type Entry } from '../../src/flow/entry.ts';
import type { Source } from '../../src/source/source.ts';
import type { Target } from '../../src/target/target.ts';
import { command, streamOf } from './frames.ts';

export const KIB = 1024;
export const MIB = KIB * KIB;

export function entryOf(key: string | Buffer, payload: string | Buffer | null, more: Partial<Entry> = {}): Entry {
  const given = payload === null ? {} : ({ kind: 'value', payload: Buffer.from(payload) } as const);
  return { ...newEntry(), key: Buffer.from(key), ...given, ...more };
}

export function newChannel(maxEntries = 1000, maxBytes = MIB): Channel {
  return new Channel({ maxEntries, maxBytes });
}

/** Keys by number, with values of so many bytes. */
export function* numbered(count: number, bytes: number): Generator<Entry> {
  const payload = Buffer.alloc(bytes, 'x');
  for (let i = 0; i < count; i++) yield entryOf(`key:${i}`, payload);
}

/** What a stream of those looks like. */
export function framesOf(count: number, bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, 'x');
  const frames = Array.from({ length: count }, (_, i) => command('RESTORE', `key:${i}`, 0, payload, 'REPLACE'));
  return streamOf(Buffer.concat(frames), count);
}

export interface Collected {
  readonly entries: Entry[];
  /** What `read` rejected with. */
  readonly error?: unknown;
}

/** Reads everything, and settles each entry at once. */
export async function collect(source: Source, channel = newChannel()): Promise<Collected> {
  const entries: Entry[] = [];
  const reading = source.read(channel).then(
    () => channel.close(),
    (error: unknown) => channel.close(error),
  );
  try {
    while (await channel.readable()) {
      for (const entry = newEntry(); channel.take(entry); channel.settle(entry.page, sizeOf(entry)))
        entries.push({ ...entry });
    }
    return { entries };
  } catch (error) {
    return { entries, error };
  } finally {
    await reading;
  }
}

/** Pushes as there is room, closes with the reason, and returns when the target does. */
export async function feed(
  target: Target,
  entries: Iterable<Entry>,
  { reason, channel = newChannel() }: { readonly reason?: Error; readonly channel?: Channel } = {},
): Promise<void> {
  const writing = target.write(channel);
  // It may fail before all is pushed: that is told in the end.
  writing.catch((error: unknown) => channel.abort(error));
  try {
    for (const entry of entries) {
      await channel.writable();
      channel.push(entry);
    }
    channel.close(reason);
  } catch {
    // The target has failed.
  }
  await writing;
}
