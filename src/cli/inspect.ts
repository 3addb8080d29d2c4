// rump inspect: what a run has recorded, as frames.

import { Glob } from '../scan/glob.ts';
import { recordedFrames } from '../trace/recorded-frames.ts';
import { formatLine, SHOWN_BYTES } from '../trace/trace.ts';
import type { Command, Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { flagsOf } from './flags/options.ts';

const HEAD = `Prints what a run with --record DIR has kept: each connection, and each
command that went over it with its reply behind it. What a server sends to its
replicas stands behind what the link to it was sent.
`;

const TAIL = `Exit code: 0 it is printed, 1 it is no recording, or cannot be read, 2 the
command line cannot be used.
`;

/** Characters that are collected before a write. */
const ENOUGH = 64 * 1024;

export const inspect: Command = {
  name: 'inspect',
  noun: 'inspect',
  help: { summary: 'prints what a run has recorded (--record)', usage: 'DIR [options]', head: HEAD, tail: TAIL },
  flags: flagsOf([], ['trace-bytes', 'trace-match', 'trace-format', 'debug']),
  operands: 'anything',
  run: runInspect,
};

async function runInspect({ operands, values }: Request, { stdout }: Program): Promise<ExitCode> {
  const [folder, extra] = operands;
  if (folder === undefined || extra !== undefined)
    throw new UsageError(
      `Cannot inspect ${folder === undefined ? 'nothing' : 'several folders'}`,
      'write rump inspect DIR',
    );
  const globs = (values['trace-match'] ?? []).map((pattern) => new Glob(Buffer.from(pattern)));
  const options = { mostBytes: values['trace-bytes'] ?? SHOWN_BYTES, globs };
  const format = values['trace-format'] ?? 'text';
  let text = '';
  for await (const line of recordedFrames(folder, options)) {
    text += formatLine(line, format);
    if (text.length < ENOUGH) continue;
    await written(stdout, text);
    text = '';
  }
  await written(stdout, text);
  return EXIT_CODES.done;
}

function written(stdout: Program['stdout'], text: string): Promise<void> {
  return new Promise((resolve) => void stdout.write(text, () => resolve()));
}
