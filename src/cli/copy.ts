// rump copy, the default command: copies the keys of one database into another.

import { migrate, type VerifiedOptions } from '../verify/verified.ts';
import type { Command, Program, Request } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import { flagsOf } from './flags/options.ts';
import type { Task } from './flags/refusals.ts';
import { recheckOf, sidesRequest, withFiles, type SidesRequest } from './flags/sides.ts';
import { UsageError } from './flags/kinds.ts';
import { Run } from './run.ts';

const COPYING: Task = { verb: 'copy', done: 'copied', to: 'to', into: 'into', writes: true };
const STDOUT_FLAGS = { to: 'the stream' };
const NO_TERMINAL = 'Cannot write the stream to a terminal: its bytes are not for eyes';

export const copy: Command = {
  name: 'copy',
  noun: 'a copy',
  help: {
    summary: 'copies the keys; it may be left out',
    usage: '--from ENDPOINT --to ENDPOINT [options]',
  },
  flags: flagsOf(
    ['Endpoints', 'TLS and clusters', 'Which keys', 'Copy', 'Load', 'Output'],
    ['ttl-tolerance', 'recheck', 'recheck-interval'],
  ),
  stdoutFlags: STDOUT_FLAGS,
  run: runCopy,
};

export type CopyRequest = SidesRequest<Omit<VerifiedOptions, 'signal' | 'onEvent'>>;

/** @throws UsageError */
export function copyRequest({ values, environment }: Request): CopyRequest {
  const { options, ...rest } = sidesRequest(COPYING, STDOUT_FLAGS, values, environment);
  return {
    ...rest,
    options: {
      ...options,
      onConflict: values['on-conflict'],
      preserveIdle: values['preserve-idle'],
      bwlimit: values.bwlimit,
      tpslimit: values.tpslimit,
      failFast: values['fail-fast'],
      dryRun: values['dry-run'],
      verify: values.verify === true ? recheckOf(values) : undefined,
    },
  };
}

async function runCopy(request: Request, program: Program): Promise<ExitCode> {
  const asked = copyRequest(request);
  const options = withFiles(asked.options, asked.fromFiles, asked.toFiles);
  const { dryRun = false } = options;
  const stdoutTaken = options.to === '-';
  if (stdoutTaken) program.giveStdoutAway();
  if (stdoutTaken && program.stdout.isTTY)
    throw new UsageError(NO_TERMINAL, 'redirect stdout: > f.resp, or | ssh host …');
  const run = new Run(program, request.environment, asked, { dryRun, stdoutTaken, differences: 'stderr' });
  run.warnBefore(asked.warnings, options.from === '-');
  const outcome = await run.work(COPYING.done, async (told) => {
    const { check, ...result } = await migrate({ ...options, ...told });
    return { result, check };
  });
  return run.finish(outcome);
}
