// rump check: compares the keys of two databases, and writes to neither.

import { check as compare } from '../verify/check.ts';
import type { CheckOptions } from '../verify/options.ts';
import type { Command, Program, Request } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import { flagsOf } from './flags/options.ts';
import type { Task } from './flags/refusals.ts';
import { recheckOf, sidesRequest, withFiles, type SidesRequest } from './flags/sides.ts';
import { Run } from './run.ts';
import { traced } from './tracing.ts';
import { Combined } from './show/combined.ts';
import { errorText } from './show/texts.ts';

const HEAD = `Compares the keys of two databases, clusters or files by value, type and
expiry, and writes nothing. A key that differs is looked at again, as it may
be about to be copied. Each difference is a line on stdout:

  + key     only the source has it
  - key     only the target has it
  * key     both have it: what differs stands behind a tab

rump help says what an ENDPOINT is.
`;

const TAIL = `Exit code: 0 both sides are equal, 1 something could not be compared, 2 the
command line cannot be used, 3 there are differences, 75 broken off for a
reason that may pass: try again later, 129, 130 or 143 interrupted.
`;

const COMPARING: Task = { verb: 'compare', done: 'compared', to: 'with', into: 'with', writes: false };
const STDOUT_FLAGS = { combined: 'its lines' };

export const check: Command = {
  name: 'check',
  noun: 'a check',
  help: {
    summary: 'compares both sides by value and writes to neither',
    usage: '--from ENDPOINT --to ENDPOINT [options]',
    head: HEAD,
    tail: TAIL,
  },
  flags: flagsOf(
    ['Endpoints', 'TLS and clusters', 'Which keys', 'Check', 'Output', 'Frames'],
    [
      ...(['plan', 'partition', 'ttl', 'no-ttl', 'count', 'buffer', 'big-key'] as const),
      ...(['max-latency', 'max-reply', 'retries', 'retry-max', 'timeout'] as const),
    ],
  ),
  stdoutFlags: STDOUT_FLAGS,
  run: runCheck,
};

export interface CheckRequest extends SidesRequest<Omit<CheckOptions, 'signal' | 'onEvent' | 'observe' | 'tap'>> {
  /** The file that gets a line for every key, or `-`. */
  readonly combined: string | undefined;
}

/** @throws UsageError */
export function checkRequest({ values, environment }: Request): CheckRequest {
  const { options, ...rest } = sidesRequest(COMPARING, STDOUT_FLAGS, values, environment);
  const { combined } = values;
  return { ...rest, options: { ...options, ...recheckOf(values), tellMatches: combined !== undefined }, combined };
}

async function runCheck(request: Request, program: Program): Promise<ExitCode> {
  const asked = checkRequest(request);
  const options = withFiles(asked.options, asked.fromFiles, asked.toFiles);
  const combined = asked.combined === undefined ? undefined : new Combined(asked.combined, program.stdout);
  const stdoutTaken = combined?.isStdout === true;
  const differences = stdoutTaken ? 'none' : 'stdout';
  const { partition } = options;
  return traced(request.values, program, async (tap) => {
    const run = await Run.open(program, request, asked, { dryRun: false, stdoutTaken, differences, partition });
    run.warnBefore(asked.warnings, options.from === '-' || options.to === '-');
    const outcome = await run.work(COMPARING.done, async ({ onEvent, ...told }) => {
      const tell: typeof onEvent = (event) => {
        combined?.onEvent(event);
        onEvent(event);
      };
      return { check: await compare({ ...options, ...told, tap: run.tapWith(tap), onEvent: tell }) };
    });
    const unwritten = combined?.close(!('error' in outcome));
    const code = run.finish(outcome, unwritten !== undefined);
    if (unwritten !== undefined) program.stderr.write(errorText(unwritten, asked.debug));
    return code;
  });
}
