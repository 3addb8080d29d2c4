// Flags for a cluster that several processes copy, each a part of it: a part of the table of flags.

import { file, type Kind } from './kinds.ts';
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

export const PLAN_NEEDS = {
  flag: 'partition',
  why: 'without --partition it is not known which part of the plan is meant',
  hint: 'give --partition I/N as well',
};

export const WORKER_OPTIONS = {
  workers: { group: 'Workers', kind: wholeNumber(1), help: 'how many processes the plan is for' },
  plan: {
    group: 'Workers',
    needs: PLAN_NEEDS,
    kind: file,
    help: 'which slots of the source are of which part, as rump plan has written it',
  },
  partition: {
    group: 'Workers',
    kind: partition,
    help: 'only part I of N of a cluster; auto counts from JOB_COMPLETION_INDEX, which begins with 0',
  },
} as const satisfies Readonly<Record<string, Option>>;
