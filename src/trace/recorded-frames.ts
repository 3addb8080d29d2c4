// What was recorded, frame by frame: each command with its reply behind it, however long the files are.

import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { redactAddress } from '../../resp/address.ts';
import { readError } from '../file/regular-file.ts';
import type { TraceLine } from './connection-trace.ts';
import { FramePrinter, type PrintedFrame, type PrinterOptions } from './frame-printer.ts';
import { connectionOf, CONNECTIONS, fileNameOf, type RecordedConnection } from './recording.ts';
import { RespError } from '../../resp/errors.ts';

const NAME = /^(?:source|target)(?: feed| sentinel)? \d+$/;

const CUT_OFF = '(cut off)';

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

type Exchange = readonly [command: PrintedFrame | undefined, replies: readonly PrintedFrame[]];

/** What is said unasked in between stands alone. */
async function* paired(
  sent: AsyncGenerator<PrintedFrame>,
  received: AsyncGenerator<PrintedFrame>,
): AsyncGenerator<Exchange> {
  for await (const command of sent) {
    let reply = await received.next();
    for (; reply.done !== true && reply.value.isUnasked; reply = await received.next())
      yield [undefined, [reply.value]];
    yield [command, reply.done === true ? [] : [reply.value]];
  }
  for await (const reply of received) yield [undefined, [reply]];
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
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
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

/** Those of the list, and where its last line was cut off, as on a full disk, those behind it by their files. */
async function connectionsIn(folder: string): Promise<readonly Listed[]> {
  const path = join(folder, CONNECTIONS);
  try {
    const lines = (await readFile(path, 'utf8')).split('\n');
    const last = lines.pop()!;
    const listed = lines.filter((line) => line !== '').map(readConnection);
    if (last === '') return listed;
    const names = new Set(listed.map(({ connection }) => connection));
    const others = (await readdir(folder))
      .flatMap((name) => connectionOf(name) ?? [])
      .filter((each) => !names.has(each));
    // A list of another program may end like this as well.
    if (listed.length + others.length === 0) return [readConnection(last)];
    return [...listed, ...[...new Set(others)].toSorted().map((connection) => ({ connection, peer: CUT_OFF }))];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw readError(redactAddress(path), error);
    throw new RespError('RECORDING', `Cannot read ${redactAddress(path)}: it is no list of connections`, {
      cause: error,
    });
  }
}

/** It may come from anywhere, and names files. @throws SyntaxError */
function readConnection(line: string): Listed {
  const { connection, peer } = (JSON.parse(line) ?? {}) as Readonly<Record<string, unknown>>;
  if (!NAME.test(String(connection))) throw new SyntaxError('It is no connection');
  return { connection: String(connection), peer: String(peer) };
}
