// rump plan: which slots of a cluster each of several processes copies, as JSON on stdout; what whoever starts these should know
// goes to stderr.

import { countOf, formatCount } from '../../resp/figures.ts';
import { describeReconnect } from '../server/retry.ts';
import { planWorkers } from '../sync/plan-workers.ts';
import { formatPlan, type WorkersPlan } from '../sync/workers-plan.ts';
import type { Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { sourceOptions } from './flags/sides.ts';
import { versionNumber } from './help.ts';
import { traced } from './tracing.ts';

/** @throws UsageError, and RespError where the source cannot be asked, or is no cluster */
export async function runPlan({ values, environment }: Request, program: Program): Promise<ExitCode> {
  const { workers } = values;
  if (workers === undefined)
    throw new UsageError('Cannot make a plan without the number of workers', 'give --workers N');
  const source = sourceOptions('plan', values, environment);
  const { stdout, stderr } = program;
  const onReconnect: Parameters<typeof planWorkers>[0]['onReconnect'] = (event) =>
    void stderr.write(`rump: ${describeReconnect(event)}\n`);
  const made = await traced(values, program, (tap) =>
    planWorkers({ ...source, tap, workers, version: versionNumber(), onReconnect }),
  );
  stdout.write(formatPlan(made));
  for (const line of remarksOn(made)) stderr.write(`rump: ${line}\n`);
  return EXIT_CODES.done;
}

/** What whoever starts the workers has to know. */
function remarksOn({ shares }: WorkersPlan): string[] {
  const keys = shares.map((share) => share.keys);
  const [least, most] = [Math.min(...keys), Math.max(...keys)];
  const remarks = [`${countOf(shares.length, 'part')} of ${formatCount(least)} to ${formatCount(most)} keys`];
  const cut = shares.filter((share) => share.cut === true).length;
  if (cut > 0) remarks.push(`warning: ${countOf(cut, 'part')} cut nodes through: this plan cannot be used with --live`);
  return remarks;
}
