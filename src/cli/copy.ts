// rump copy, the default command: copies the keys of one database into another.

import { existsSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { STANDARD_STREAMS } from '../../resp/address.ts';
import { migrate, type VerifiedOptions } from '../verify/verified.ts';
import type { Program, Request } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import type { OptionValues } from './flags/options.ts';
import type { Task } from './flags/refusals.ts';
import { recheckOf, sidesRequest, withFiles, type SidesRequest } from './flags/sides.ts';
import { UsageError } from './flags/kinds.ts';
import { SAID_HINT } from '../sync/live-start.ts';
import type { LiveOptions } from '../sync/options.ts';
import { Run } from './run.ts';
import { traced } from './tracing.ts';

const COPYING: Task = { verb: 'copy', done: 'copied', to: 'to', into: 'into', writes: true };
/** What file systems let a name have. */
const NAME_BYTES = 255;
const NO_CUTOVER_HINT = 'give --cutover-file, --until-idle or --control, or run it on a terminal, where Ctrl-C says so';
const NO_TERMINAL = 'Cannot write the stream to a terminal: its bytes are not for eyes';

export type CopyRequest = SidesRequest<Omit<VerifiedOptions, 'signal' | 'onEvent' | 'cutover' | 'observe' | 'tap'>>;

/** @throws UsageError */
export function copyRequest({ command, values, environment }: Request): CopyRequest {
  const { options, ...rest } = sidesRequest(COPYING, command.stdoutFlags ?? {}, values, environment);
  return {
    ...rest,
    options: {
      ...options,
      firstCopy: values['first-copy'],
      onConflict: values['on-conflict'],
      preserveIdle: values['preserve-idle'],
      bwlimit: values.bwlimit,
      tpslimit: values.tpslimit,
      control: values.control,
      failFast: values['fail-fast'],
      dryRun: values['dry-run'],
      resume: values.resume,
      ...liveOptions(values),
      verify: values.verify === true ? recheckOf(values) : undefined,
    },
  };
}

function liveOptions(values: OptionValues): LiveOptions {
  return {
    live: values.live,
    feed: values.feed,
    cutoverFile: values['cutover-file'],
    untilIdle: values['until-idle'],
    cutoverTimeout: values['cutover-timeout'],
    linger: values.linger,
    settle: values.settle,
    waitReplicas: values['wait-replicas'],
    deleteInDoubt: values.delete,
    namesLimit: values['names-limit'],
  };
}

export async function runCopy(request: Request, program: Program): Promise<ExitCode> {
  const asked = copyRequest(request);
  const options = withFiles(asked.options, asked.fromFiles, asked.toFiles);
  const { dryRun = false, partition, verify } = options;
  const stdoutTaken = STANDARD_STREAMS.has(options.to);
  if (stdoutTaken) program.giveStdoutAway();
  if (options.to === '-' && program.stdout.isTTY)
    throw new UsageError(NO_TERMINAL, 'redirect stdout: > f.resp, or | ssh host …');
  const cutover = cutoverOf(options, program);
  return traced(request.values, program, async (tap) => {
    const verifies = verify !== undefined && !dryRun;
    const how = { dryRun, stdoutTaken, differences: 'stderr', partition, verifies } as const;
    const run = await Run.open(program, request, asked, how);
    run.warnBefore(asked.warnings, options.from === '-');
    const outcome = await run.work(
      COPYING.done,
      async (told) => {
        const { check, ...result } = await migrate({
          ...options,
          ...told,
          tap: run.tapWith(tap),
          cutover: cutover?.signal,
        });
        return { result, check };
      },
      cutover,
    );
    return run.finish(outcome);
  });
}

type Cutovers = LiveOptions & Pick<VerifiedOptions, 'control' | 'resume'>;

/**
 * What the first Ctrl-C asks for, where somebody sits in front of it: no other signal is a cutover.
 * @throws UsageError where nobody could ever say that the writers have stopped
 */
function cutoverOf(options: Cutovers, { isStdinTerminal, stderr }: Program): AbortController | undefined {
  if (options.live !== true) return undefined;
  const { cutoverFile } = options;
  if (cutoverFile !== undefined) demandAppearing(cutoverFile, options);
  if (isStdinTerminal && stderr.isTTY === true) return new AbortController();
  const { untilIdle, control } = options;
  if (cutoverFile !== undefined || untilIdle !== undefined || control !== undefined) return undefined;
  throw new UsageError('Cannot follow without an end: nobody could say that the writers have stopped', NO_CUTOVER_HINT);
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** @throws UsageError where the file is there, could not be made, or is made by rump itself */
function demandAppearing(file: string, { control, resume }: Cutovers): void {
  const cannot = `Cannot use --cutover-file ${file}`;
  const hint = 'it has to appear when the writers have stopped';
  // Whether an earlier part was told so is known where its progress was read.
  if (resume === undefined && existsSync(file)) throw new UsageError(`${cannot}: it is there already`, SAID_HINT);
  const folder = dirname(file);
  if (!isFolder(folder)) throw new UsageError(`${cannot}: there is no folder ${folder}`, hint);
  if (Buffer.byteLength(basename(file)) > NAME_BYTES) throw new UsageError(`${cannot}: its name is too long`, hint);
  for (const [flag, path] of Object.entries({ '--control': control, '--resume': resume }))
    if (path !== undefined && resolve(path) === resolve(file))
      throw new UsageError(`${cannot}: that is the file of ${flag} as well, which rump makes itself`, hint);
}
