// rump inspect: what is in keys, and what a keyspace holds, of a server, a cluster or a file; or what a run has recorded, as frames.

import { existsSync, statSync } from 'node:fs';
import { NDJSON_TO_STDOUT, redactAddress } from '../../resp/address.ts';
import { escapeKey } from '../../resp/escapes.ts';
import { inspectKeys } from '../inspect/inspect-keys.ts';
import { inspectKeyspace, type KeyspaceFigures } from '../inspect/inspect-keyspace.ts';
import type { InspectOptions } from '../inspect/options.ts';
import { Glob } from '../scan/glob.ts';
import { recordedFiles, recordedFrames } from '../trace/recorded-frames.ts';
import { formatLine, SHOWN_BYTES } from '../trace/trace.ts';
import { migrate } from '../verify/verified.ts';
import type { Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { unknownVariables } from './flags/arguments.ts';
import { keyOperand, UsageError } from './flags/kinds.ts';
import type { OptionName } from './flags/options.ts';
import { refuseOutputIntoFile } from './flags/read-files.ts';
import { sourceOptions } from './flags/sides.ts';
import { Run } from './run.ts';
import { keyJson } from './show/key-json.ts';
import { keyText } from './show/key-text.ts';
import { keyspaceJson, keyspaceText } from './show/keyspace-text.ts';

const DEFAULT_LIMIT = 100;

/** What says nothing of keys that are named. */
const ABOUT_ALL_KEYS = ['ndjson', 'match', 'exclude', 'type', 'count', 'depth'] as const;
/** What says nothing of a recording. */
const ABOUT_KEYS = [...ABOUT_ALL_KEYS, 'db', 'limit'] as const;

/** Characters that are collected before a write. */
const ENOUGH = 64 * 1024;

export async function runInspect(request: Request, program: Program): Promise<ExitCode> {
  const [what, ...keys] = request.operands;
  const { ndjson } = request.values;
  if (what === undefined) throw new UsageError('Cannot inspect nothing', 'write rump inspect ENDPOINT KEY, or DIR');
  if (existsSync(what) && statSync(what).isDirectory()) return printRecording(what, keys, request, program);
  if (keys.length === 0) {
    return ndjson === true ? exportKeys(what, request, program) : showKeyspace(what, request, program);
  }
  refuse(ABOUT_ALL_KEYS, request, 'with keys', 'leave it out, or the keys');
  return showKeys(what, keys, request, program);
}

/** @throws UsageError where one of the flags is given */
function refuse(flags: readonly OptionName[], { values }: Request, why: string, hint: string): void {
  const useless = flags.find((flag) => values[flag] !== undefined);
  if (useless !== undefined) throw new UsageError(`Cannot use --${useless} ${why}`, hint);
}

/** @throws UsageError */
function optionsOf(endpoint: string, { values, environment }: Request): Omit<InspectOptions, 'onEvent'> {
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
  };
}

/** @param stdoutTaken whether stdout is written before the end: then no bar is drawn beside it */
async function runOf(endpoint: string, request: Request, program: Program, stdoutTaken = true): Promise<Run> {
  const { values, environment } = request;
  const { debug = false, silent = false, progress = 'auto' } = values;
  const shown = { debug, progress: silent ? 'silent' : progress } as const;
  const run = await Run.open(program, request, shown, { dryRun: false, stdoutTaken, differences: 'stdout' });
  run.warnBefore(unknownVariables(environment), endpoint === '-');
  return run;
}

async function showKeyspace(endpoint: string, request: Request, program: Program): Promise<ExitCode> {
  const { stdout } = program;
  const { depth, json = false } = request.values;
  const options = optionsOf(endpoint, request);
  const run = await runOf(endpoint, request, program, false);
  let figures: KeyspaceFigures | undefined;
  const outcome = await run.work('counted', async (told) => {
    figures = await inspectKeyspace({ ...options, ...told, depth, onPartial: (counted) => (figures = counted) });
    return { inspected: true };
  });
  const code = run.finish(outcome);
  if (figures === undefined) return code;
  // Some terminals say 0.
  const width = (stdout.isTTY === true && stdout.columns) || undefined;
  const text = json ? keyspaceJson(figures) : keyspaceText(figures, width);
  await whileRead(() => written(stdout, text));
  return code || (figures.failed === 0 ? EXIT_CODES.done : EXIT_CODES.failed);
}

/** A copy into lines of JSON. */
async function exportKeys(endpoint: string, request: Request, program: Program): Promise<ExitCode> {
  const options = optionsOf(endpoint, request);
  program.giveStdoutAway();
  const run = await runOf(endpoint, request, program);
  const outcome = await run.work('copied', async (told) => {
    return { result: await migrate({ ...options, ...told, to: NDJSON_TO_STDOUT }) };
  });
  return run.finish(outcome);
}

async function showKeys(
  endpoint: string,
  keys: readonly string[],
  request: Request,
  program: Program,
): Promise<ExitCode> {
  const { stdout, stderr } = program;
  const { limit = DEFAULT_LIMIT, json = false } = request.values;
  const options = optionsOf(endpoint, request);
  const wanted = keys.map(keyOperand);
  const run = await runOf(endpoint, request, program);
  let [missing, failed]: [readonly Buffer[], number] = [[], 0];
  const outcome = await run.work('shown', async (told) => {
    const found = await whileRead(() =>
      inspectKeys({
        ...options,
        ...told,
        keys: wanted,
        async onKey(key) {
          for await (const text of (json ? keyJson : keyText)(key, limit)) await written(stdout, text);
        },
      }),
    );
    if (found !== undefined) ({ missing, failed } = found);
    return { inspected: true };
  });
  const code = run.finish(outcome);
  for (const key of missing) stderr.write(`rump: there is no key "${escapeKey(key)}"\n`);
  return code || (missing.length + failed === 0 ? EXIT_CODES.done : EXIT_CODES.failed);
}

async function printRecording(
  folder: string,
  [extra]: readonly string[],
  request: Request,
  { stdout }: Program,
): Promise<ExitCode> {
  const { values } = request;
  if (extra !== undefined) throw new UsageError('Cannot inspect several folders', 'write rump inspect DIR');
  refuse(ABOUT_KEYS, request, 'with a recording', 'leave it out');
  for (const file of await recordedFiles(folder)) refuseOutputIntoFile(file, redactAddress(file));
  const globs = (values['trace-match'] ?? []).map((pattern) => new Glob(Buffer.from(pattern)));
  const options = { mostBytes: values['trace-bytes'] ?? SHOWN_BYTES, globs };
  const format = values['trace-format'] ?? (values.json === true ? 'ndjson' : 'text');
  await whileRead(async () => {
    let text = '';
    try {
      for await (const line of recordedFrames(folder, options)) {
        text += formatLine(line, format);
        if (text.length < ENOUGH) continue;
        const whole = text;
        text = '';
        await written(stdout, whole);
      }
    } finally {
      // Also where not all of it can be read.
      await written(stdout, text);
    }
  });
  return EXIT_CODES.done;
}

/** stdout takes no more: its reader has gone, or its disk is full. Who listens to the stream says what there is to say. */
class StdoutEnded extends Error {}

/** Until stdout takes no more: what would still be read, from a server too, nobody will see. @returns undefined then */
async function whileRead<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StdoutEnded) return undefined;
    throw error;
  }
}

/** @throws StdoutEnded */
function written(stdout: Program['stdout'], text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(text, (error) => (error ? reject(new StdoutEnded()) : resolve()));
  });
}
