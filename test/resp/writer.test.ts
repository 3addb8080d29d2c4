// When it writes, and what is encoded while the kernel still has to take what was written before it: that memory is not touched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Socket } from '../../resp/socket.ts';
import { Writer } from '../../resp/writer.ts';
import { bulk } from '../support/frames.ts';

const CHUNK = 64 * 1024;

/** Keeps what is written where it lies, until `takeAll`. */
class SlowSocket {
  readonly written: Buffer[] = [];
  readonly #left: (() => void)[] = [];
  isIdle = false;
  needsDrain = false;

  write(pieces: readonly Buffer[], onWritten: (() => void) | undefined): void {
    this.written.push(...pieces);
    if (onWritten !== undefined) this.#left.push(onWritten);
  }

  /** What was written, as it is now; the kernel takes it. */
  takeAll(): Buffer {
    const bytes = Buffer.concat(this.written);
    this.written.length = 0;
    for (const tell of this.#left.splice(0)) tell();
    return bytes;
  }
}

function writerTo(socket: SlowSocket): Writer {
  return new Writer(
    socket as unknown as Socket,
    () => {},
    () => false,
  );
}

test('Writer leaves alone what the kernel has not taken', () => {
  const socket = new SlowSocket();
  const writer = writerTo(socket);
  const expected: Buffer[] = [];
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 300; i++) {
      const value = Buffer.alloc(1 + ((i * 37) % 900), `${round}:${i} `);
      writer.encoder.bulk(value);
      expected.push(bulk(value));
      if (i % 7 === 0) writer.flush();
    }
    writer.flush();
    // It may be idle at any time: then all before it has been taken.
    const isTaken = round % 2 === 0;
    if (!isTaken) continue;
    assert.ok(socket.takeAll().equals(Buffer.concat(expected.splice(0))), `round ${round}`);
  }
});

test('Writer writes into the same memory again, once the kernel has taken what was there', () => {
  const socket = new SlowSocket();
  socket.isIdle = true;
  const writer = writerTo(socket);
  const places = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const value = Buffer.alloc(CHUNK / 8, String(i));
    writer.encoder.bulk(value);
    writer.flush();
    const [piece] = socket.written as [Buffer];
    places.add(`${piece.byteOffset}`);
    assert.ok(socket.takeAll().equals(bulk(value)));
  }
  assert.deepEqual([...places], ['0']);
});

test('Writer goes on behind what it wrote, where the kernel has not taken that, and at the front once it has', () => {
  const socket = new SlowSocket();
  const writer = writerTo(socket);
  const write = (text: string): number => {
    writer.encoder.bulk(Buffer.from(text));
    writer.flush();
    return socket.written.at(-1)!.byteOffset;
  };
  assert.deepEqual([write('first'), write('second')], [0, bulk('first').length]);
  assert.equal(String(socket.takeAll()), String(Buffer.concat([bulk('first'), bulk('second')])));
  socket.isIdle = true;
  // Whether it is idle is looked at behind each write.
  assert.equal(write('third'), bulk('first').length + bulk('second').length);
  assert.equal(write('fourth'), 0);
});

test('Writer makes one write of what follows from what was read, before anything else is read', async () => {
  const socket = new SlowSocket();
  const writer = writerTo(socket);
  let writes = 0;
  socket.write = () => void writes++;
  const began = (): void => {
    writer.encoder.bulk(Buffer.from('key'));
    writer.schedule();
  };
  const next = new Promise((resolve) => {
    setImmediate(() => resolve(writes));
  });
  void Promise.resolve().then(began).then(began);
  began();
  assert.equal(writes, 0);
  assert.equal(await next, 1);
});
