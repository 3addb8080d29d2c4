// rump check: compares the keys of two databases, and writes to neither.

import { check as compare } from '../verify/check.ts';
import type { CheckOptions } from '../verify/options.ts';
import type { Program, Request } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Task } from './flags/refusals.ts';
import { recheckOf, sidesRequest, withFiles, type SidesRequest } from './flags/sides.ts';
import { Run } from './run.ts';
import { traced } from './tracing.ts';
import { Combined } from './show/combined.ts';
import { errorText } from './show/texts.ts';

const COMPARING: Task = { verb: 'compare', done: 'compared', to: 'with', into: 'with', writes: false };

export interface CheckRequest extends SidesRequest<Omit<CheckOptions, 'signal' | 'onEvent' | 'observe' | 'tap'>> {
  /** The file that gets a line for every key, or `-`. */
  readonly combined: string | undefined;
}

/** @throws UsageError */
export function checkRequest({ command, values, environment }: Request): CheckRequest {
  const { options, ...rest } = sidesRequest(COMPARING, command.stdoutFlags ?? {}, values, environment);
  const { combined } = values;
  return { ...rest, options: { ...options, ...recheckOf(values), tellMatches: combined !== undefined }, combined };
}

export async function runCheck(request: Request, program: Program): Promise<ExitCode> {
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
