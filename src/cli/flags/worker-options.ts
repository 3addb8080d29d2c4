// Flags for a cluster that several processes copy, each a part of it: a part of the table of flags, and what they come to.

import { readFileSync } from 'node:fs';
import { parsePlan, type PartitionOptions } from '../../sync/workers-plan.ts';
import { RespError } from '../../../resp/errors.ts';
import type { Environment } from './arguments.ts';
import { file, UsageError, type Kind } from './kinds.ts';
import type { Option } from './option.ts';
import { wholeNumber } from '../../sync/quantities.ts';

/** `auto` is told by whoever has started the process; the parts are those of the plan where they are missing. */
export interface PartitionChoice {
  readonly part: number | 'auto';
  readonly parts: number | undefined;
}

const PARTITION_TEXT = /^(?:([1-9]\d{0,5})\/([1-9]\d{0,5})|auto(?:\/([1-9]\d{0,5}))?)$/;

const partition: Kind<PartitionChoice> = {
  placeholder: 'I/N|auto[/N]',
  expected: 'it takes a part and how many there are, such as 2/4, or auto',
  parse(text) {
    const found = PARTITION_TEXT.exec(text);
    if (found === null) return undefined;
    const [, part, parts, partsOfAuto] = found;
    if (part === undefined) return { part: 'auto', parts: partsOfAuto === undefined ? undefined : Number(partsOfAuto) };
    return Number(part) <= Number(parts) ? { part: Number(part), parts: Number(parts) } : undefined;
  },
};

export const WORKER_OPTIONS = {
  workers: { group: 'Workers', kind: wholeNumber(1), help: 'how many processes the plan is for' },
  plan: {
    group: 'Workers',
    needs: {
      flag: 'partition',
      why: 'without --partition it is not known which part of the plan is meant',
      hint: 'give --partition I/N as well',
    },
    kind: file,
    help: 'which slots of the source are of which part, as rump plan has written it',
  },
  partition: {
    group: 'Workers',
    kind: partition,
    help: 'only part I of N of a cluster; auto counts from JOB_COMPLETION_INDEX, which begins with 0',
  },
} as const satisfies Readonly<Record<string, Option>>;

/** What numbers the pods of an indexed job. */
const INDEX = 'JOB_COMPLETION_INDEX';
const MOST_PLAN_BYTES = 16 * 1024 * 1024;

/** @throws UsageError where it cannot be told which part is meant, or the plan cannot be used */
export function partitionOptions(
  choice: PartitionChoice | undefined,
  path: string | undefined,
  environment: Environment,
): PartitionOptions | undefined {
  if (choice === undefined) return undefined;
  const plan = path === undefined ? undefined : readPlan(path);
  const parts = choice.parts ?? plan?.shares.length;
  if (parts === undefined) throw refused('how many parts there are is not known', 'give --plan, or --partition auto/N');
  const part = choice.part === 'auto' ? indexIn(environment) + 1 : choice.part;
  if (part > parts) throw refused(`${INDEX} is ${part - 1}, and there are ${parts} parts`, 'its first value is 0');
  return { part, parts, plan };
}

function readPlan(path: string): ReturnType<typeof parsePlan> {
  const name = `the plan ${path}`;
  try {
    const text = readFileSync(path);
    if (text.length > MOST_PLAN_BYTES) throw new UsageError(`Cannot use ${name}: it is far too long`);
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
