// What was recorded, frame by frame: each command with its reply behind it, however long the files are. The folder may come from
// anywhere: nothing is read but its own files, and of these no more than they have by then.

import { Buffer } from 'node:buffer';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { redactAddress } from '../../resp/address.ts';
import { openRegular, readAt, readError, type RegularFile } from '../file/regular-file.ts';
import type { TraceLine } from './connection-trace.ts';
import { FramePrinter, type PrintedFrame, type PrinterOptions } from './frame-printer.ts';
import { connectionOf, CONNECTIONS, fileNameOf, type RecordedConnection } from './recording.ts';
import { RespError } from '../../resp/errors.ts';

const NAME = /^(?:source|target)(?: feed| sentinel)? \d+$/;

const CUT_OFF = '(cut off)';
/** Of the list of connections: a hundred thousand of them. */
const MOST_LIST_BYTES = 16 * 1024 * 1024;

type Listed = Pick<RecordedConnection, 'connection' | 'peer'>;

type Options = Omit<PrinterOptions, 'onFrame'>;

/**
 * All that can be read.
 * @throws RespError where the folder is no recording; at the end, where a file of it could not be read
 */
export async function* recordedFrames(folder: string, options: Options): AsyncGenerator<TraceLine> {
  let failure: RespError | undefined;
  const onError = (error: RespError): void => void (failure ??= error);
  for (const { connection, peer } of await connectionsIn(folder)) {
    yield { connection, event: 'connects', text: peer };
    const sent = framesIn(join(folder, fileNameOf(connection, 'sent')), true, options, onError);
    const received = framesIn(join(folder, fileNameOf(connection, 'received')), false, options, onError);
    const isReplication = connection.includes('feed');
    for await (const [command, replies] of isReplication ? apart(sent, received) : paired(sent, received)) {
      const isShown = options.globs.length === 0 || [command, ...replies].some((frame) => frame?.isMatch === true);
      if (!isShown) continue;
      if (command !== undefined) yield { connection, event: 'sent', bytes: command.bytes, text: command.text };
      for (const { bytes, text } of replies) yield { connection, event: 'received', bytes, text };
    }
  }
  if (failure !== undefined) throw failure;
}

/** Whatever of the folder is read; nothing where nobody can look into it, which shows once that is read. */
export async function recordedFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const own = names.filter((name) => name === CONNECTIONS || connectionOf(name) !== undefined);
  return own.map((name) => join(folder, name));
}

type Exchange = readonly [command: PrintedFrame | undefined, replies: readonly PrintedFrame[]];

/** What is said unasked in between stands alone. */
async function* paired(
  sent: AsyncGenerator<PrintedFrame>,
  received: AsyncGenerator<PrintedFrame>,
): AsyncGenerator<Exchange> {
  try {
    for await (const command of sent) {
      let reply = await received.next();
      for (; reply.done !== true && reply.value.isUnasked; reply = await received.next())
        yield [undefined, [reply.value]];
      yield [command, reply.done === true ? [] : [reply.value]];
    }
    for await (const reply of received) yield [undefined, [reply]];
  } finally {
    // Where nobody reads on, its file is open.
    await received.return(undefined);
  }
}

/** On a link of replication not every frame is answered. */
async function* apart(
  sent: AsyncGenerator<PrintedFrame>,
  received: AsyncGenerator<PrintedFrame>,
): AsyncGenerator<Exchange> {
  for await (const command of sent) yield [command, []];
  for await (const frame of received) yield [undefined, [frame]];
}

async function* framesIn(
  path: string,
  areCommands: boolean,
  options: Options,
  onError: (error: RespError) => void,
): AsyncGenerator<PrintedFrame> {
  let frames: PrintedFrame[] = [];
  const printer = new FramePrinter(areCommands, { ...options, onFrame: (frame) => frames.push(frame) });
  try {
    for await (const chunk of chunksOf(path)) {
      printer.read(chunk);
      yield* frames;
      frames = [];
    }
    const { begun } = printer;
    if (begun > 0) yield { text: CUT_OFF, bytes: begun, isMatch: false, isUnasked: false };
  } catch (error) {
    onError(readError(redactAddress(path), error));
    // Whatever name is looked for may be in it.
    yield { text: '(cannot be read)', bytes: 0, isMatch: true, isUnasked: false };
  }
}

/** What the file has now: to one that grows, as of a run that still records, there may be no end. */
async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  const { handle, size } = await openOwn(path);
  try {
    if (size > 0) yield* handle.createReadStream({ end: size - 1, autoClose: false }) as AsyncIterable<Buffer>;
  } finally {
    await handle.close().catch(() => {});
  }
}

/** @throws RespError */
function openOwn(path: string): Promise<RegularFile> {
  return openRegular(path, { name: redactAddress(path), refusesLinks: true });
}

/** Those of the list, each once, and where its last line was cut off, as on a full disk, those behind it by their files. */
async function connectionsIn(folder: string): Promise<readonly Listed[]> {
  const path = join(folder, CONNECTIONS);
  try {
    const lines = (await readList(path)).split('\n');
    const last = lines.pop()!;
    const listed = new Map<string, Listed>();
    for (const line of lines.filter((each) => each !== '').map(readConnection)) listed.set(line.connection, line);
    if (last === '') return [...listed.values()];
    const others = (await readdir(folder)).flatMap((name) => connectionOf(name) ?? []);
    const unlisted = new Set(others.filter((each) => !listed.has(each)));
    // A list of another program may end like this as well.
    if (listed.size + unlisted.size === 0) return [readConnection(last)];
    const behind = [...unlisted].toSorted().map((connection) => ({ connection, peer: CUT_OFF }));
    return [...listed.values(), ...behind];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw readError(redactAddress(path), error);
    throw new RespError('RECORDING', `Cannot read ${redactAddress(path)}: it is no list of connections`, {
      cause: error,
    });
  }
}

/** @throws SyntaxError where it is longer than any */
async function readList(path: string): Promise<string> {
  const { handle, size } = await openOwn(path);
  try {
    if (size > MOST_LIST_BYTES) throw new SyntaxError('It is too long');
    const bytes = Buffer.alloc(size);
    return bytes.toString('utf8', 0, readAt(handle, bytes, 0, size, 0));
  } finally {
    await handle.close().catch(() => {});
  }
}

/** It may come from anywhere, and names files. @throws SyntaxError */
function readConnection(line: string): Listed {
  const { connection, peer } = (JSON.parse(line) ?? {}) as Readonly<Record<string, unknown>>;
  if (!NAME.test(String(connection))) throw new SyntaxError('It is no connection');
  return { connection: String(connection), peer: String(peer) };
}
