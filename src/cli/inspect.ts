// rump inspect: what is in keys, of a server, a cluster or a file; or what a run has recorded, as frames.

import { existsSync, statSync } from 'node:fs';
import { inspectKeys } from '../inspect/inspect-keys.ts';
import type { InspectOptions } from '../inspect/options.ts';
import { PlainOutput } from './show/report.ts';
import { openOutput } from './run.ts';
import { inspectKeyspace } from '../inspect/inspect-keyspace.ts';
import { keyspaceJson, keyspaceText } from './show/keyspace-text.ts';
import { Interrupted, type Output } from './show/output.ts';
import { keyText } from './show/key-text.ts';
import { escapeKey } from './show/texts.ts';
import { keyOperand } from './flags/kinds.ts';
import { sourceOptions } from './flags/sides.ts';

import { Glob } from '../scan/glob.ts';
import { recordedFrames } from '../trace/recorded-frames.ts';
import { formatLine, SHOWN_BYTES } from '../trace/trace.ts';
import type { Command, Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { flagsOf } from './flags/options.ts';

const HEAD = `Shows what is in keys of a server, a cluster or a file: type, encoding, version
and checksum of the payload, expiry, and the elements. A key is given as it is, or
between double quotes with the escapes of redis-cli: '"\\x00\\xff"'.

Of a folder it prints what a run with --record DIR has kept: each connection, and
each command that went over it with its reply behind it. What a server sends to
its replicas stands behind what the link to it was sent.
`;

const TAIL = `Exit code: 0 it is printed, 1 a key is not there, or something cannot be read,
2 the command line cannot be used, 75 the server cannot be asked now.
`;

const DEFAULT_LIMIT = 100;

/** Characters that are collected before a write. */
const ENOUGH = 64 * 1024;

export const inspect: Command = {
  name: 'inspect',
  noun: 'inspect',
  help: {
    summary: 'shows what is in keys, or what a run has recorded',
    usage: 'ENDPOINT [KEY...] | DIR [options]',
    head: HEAD,
    tail: TAIL,
  },
  flags: flagsOf(
    ['Inspect'],
    [
      ...(['from-password-file', 'from-sentinel-password-file', 'from-nat', 'from-tls-ca', 'from-tls-cert'] as const),
      ...(['from-tls-key', 'from-tls-servername', 'from-tls-insecure', 'db', 'match', 'exclude', 'type'] as const),
      ...(['count', 'buffer', 'big-key', 'max-latency', 'max-reply', 'retries', 'retry-max', 'timeout'] as const),
      ...(['trace-bytes', 'trace-match', 'trace-format', 'json', 'debug'] as const),
    ],
  ),
  operands: 'anything',
  run: runInspect,
};

async function runInspect(request: Request, program: Program): Promise<ExitCode> {
  const [what, ...keys] = request.operands;
  if (what === undefined) throw new UsageError('Cannot inspect nothing', 'write rump inspect ENDPOINT KEY, or DIR');
  if (existsSync(what) && statSync(what).isDirectory()) return printRecording(what, keys, request, program);
  return keys.length === 0 ? showKeyspace(what, request, program) : showKeys(what, keys, request, program);
}

async function showKeyspace(endpoint: string, request: Request, program: Program): Promise<ExitCode> {
  const { values, environment } = request;
  const options = { debug: values.debug ?? false, dryRun: false, stdoutTaken: true, differences: 'none' } as const;
  const output = openOutput('auto', options, program, environment);
  const figures = await program.stoppable(
    (signal) => {
      output.onInterrupt(signal);
      return new Interrupted(signal, 'everything was counted');
    },
    (signal) => inspectKeyspace({ ...optionsOf(endpoint, request, output), signal, depth: values.depth }),
  );
  output.finish({ inspected: true });
  await written(program.stdout, values.json === true ? keyspaceJson(figures) : keyspaceText(figures));
  return figures.failed === 0 ? EXIT_CODES.done : EXIT_CODES.failed;
}

function optionsOf(endpoint: string, { values, environment }: Request, output: Output): InspectOptions {
  return {
    ...sourceOptions('inspect', { ...values, from: endpoint }, environment),
    db: values.db,
    match: values.match,
    exclude: values.exclude,
    type: values.type,
    count: values.count,
    buffer: values.buffer,
    bigKey: values['big-key'],
    maxLatency: values['max-latency'],
    onEvent: (event) => output.onEvent(event),
  };
}

async function showKeys(
  endpoint: string,
  keys: readonly string[],
  request: Request,
  program: Program,
): Promise<ExitCode> {
  const { stdout, stderr } = program;
  const { limit = DEFAULT_LIMIT, debug = false } = request.values;
  const output = new PlainOutput(program, { debug, dryRun: false, stdoutTaken: true, differences: 'none' });
  const wanted = keys.map(keyOperand);
  const { missing, failed } = await program.stoppable(
    (signal) => new Interrupted(signal, 'every key was shown'),
    (signal) =>
      inspectKeys({
        ...optionsOf(endpoint, request, output),
        signal,
        keys: wanted,
        async onKey(key) {
          for await (const text of keyText(key, limit)) await written(stdout, text);
        },
      }),
  );
  for (const key of missing) stderr.write(`rump: there is no key "${escapeKey(key)}"\n`);
  return missing.length + failed === 0 ? EXIT_CODES.done : EXIT_CODES.failed;
}

async function printRecording(
  folder: string,
  [extra]: readonly string[],
  { values }: Request,
  { stdout }: Program,
): Promise<ExitCode> {
  if (extra !== undefined) throw new UsageError('Cannot inspect several folders', 'write rump inspect DIR');
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
