// Which part of a cluster is meant by --partition and --plan, and by the index that an indexed job gives its pods.

import { redactAddress } from '../../../resp/address.ts';
import { RespError } from '../../../resp/errors.ts';
import { readSmall } from '../../file/regular-file.ts';
import { parsePlan, type PartitionOptions } from '../../sync/workers-plan.ts';
import type { Environment } from './arguments.ts';
import { UsageError } from './kinds.ts';
import { PLAN_NEEDS, type PartitionChoice } from './worker-options.ts';

/** What numbers the pods of an indexed job. */
const INDEX = 'JOB_COMPLETION_INDEX';
const MOST_PLAN_BYTES = 16 * 1024 * 1024;

/** @throws UsageError where it cannot be told which part is meant, or the plan cannot be used */
export function partitionOptions(
  choice: PartitionChoice | undefined,
  path: string | undefined,
  environment: Environment,
): PartitionOptions | undefined {
  if (choice === undefined) {
    // Each of several workers that are told of the plan alone would copy everything.
    if (path !== undefined) throw new UsageError(`Cannot use a plan: ${PLAN_NEEDS.why}`, PLAN_NEEDS.hint);
    return undefined;
  }
  const plan = path === undefined ? undefined : readPlan(path);
  const parts = choice.parts ?? plan?.shares.length;
  if (parts === undefined) throw refused('how many parts there are is not known', 'give --plan, or --partition auto/N');
  const part = choice.part === 'auto' ? indexIn(environment) + 1 : choice.part;
  if (part > parts) throw refused(`${INDEX} is ${part - 1}, and there are ${parts} parts`, 'its first value is 0');
  return { part, parts, plan };
}

function readPlan(path: string): ReturnType<typeof parsePlan> {
  const name = `the plan ${redactAddress(path)}`;
  try {
    const text = readSmall(path, MOST_PLAN_BYTES);
    if (text === undefined) throw new UsageError(`Cannot use ${name}: it is far too long`);
    return parsePlan(text.toString(), name);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof RespError) throw new UsageError(error.message, error.hint, error);
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new UsageError(`Cannot read ${name}: ${code === 'ENOENT' ? 'there is no such file' : code}`);
  }
}

function indexIn(environment: Environment): number {
  const text = environment[INDEX] ?? '';
  if (/^\d{1,6}$/.test(text)) return Number(text);
  const why = text === '' ? `${INDEX} is not set` : `${INDEX} is no number`;
  throw refused(why, 'an Indexed Job sets it; otherwise give --partition I/N');
}

function refused(why: string, hint: string): UsageError {
  return new UsageError(`Cannot use --partition auto: ${why}`, hint);
}
