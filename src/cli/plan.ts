// rump plan: which slots of a cluster each of several processes copies, as JSON on stdout.

import { countOf, formatCount } from '../../resp/figures.ts';
import { describeReconnect } from '../server/retry.ts';
import { planWorkers } from '../sync/plan-workers.ts';
import { formatPlan, type WorkersPlan } from '../sync/workers-plan.ts';
import type { Command, Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { flagsOf } from './flags/options.ts';
import { sourceOptions } from './flags/sides.ts';
import { versionNumber } from './help.ts';
import { traced } from './tracing.ts';

const HEAD = `Shares the slots of a cluster out among N processes, by the nodes that serve
them now and by the keys that these hold, and prints the plan as JSON. Each
process then copies one part, on whichever machine it runs:

  rump plan --workers 4 --from redis://node:6379 > plan.json
  rump --plan plan.json --partition 2/4 --from ... --to ...

Slots may move meanwhile: a part is a set of slots, wherever they are. With more
processes than nodes, nodes are cut through; such a plan is not for --live.
`;

const TAIL = `Exit code: 0 the plan is printed, 1 the cluster cannot be asked, 2 the command
line cannot be used, or the source is no cluster, 75 it cannot be asked now.
`;

export const plan: Command = {
  name: 'plan',
  noun: 'a plan',
  help: {
    summary: 'shares a cluster out among several processes',
    usage: '--workers N --from CLUSTER [options]',
    head: HEAD,
    tail: TAIL,
  },
  flags: flagsOf(
    ['Frames'],
    [
      ...(['from', 'from-password-file', 'from-sentinel-password-file', 'from-nat'] as const),
      ...(['from-tls-ca', 'from-tls-cert', 'from-tls-key', 'from-tls-servername', 'from-tls-insecure'] as const),
      ...(['workers', 'retries', 'retry-max', 'timeout', 'debug'] as const),
    ],
  ),
  run: runPlan,
};

async function runPlan({ values, environment }: Request, program: Program): Promise<ExitCode> {
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

function remarksOn({ shares }: WorkersPlan): string[] {
  const keys = shares.map((share) => share.keys);
  const [least, most] = [Math.min(...keys), Math.max(...keys)];
  const remarks = [`${countOf(shares.length, 'part')} of ${formatCount(least)} to ${formatCount(most)} keys`];
  const cut = shares.filter((share) => share.cut === true).length;
  if (cut > 0) remarks.push(`warning: ${countOf(cut, 'part')} cut nodes through: this plan cannot be used with --live`);
  return remarks;
}
