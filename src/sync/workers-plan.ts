// The plan of `rump plan`: which slots of a cluster each of several workers copies, as text that people can read; and the part of
// one worker, with a plan or without. It asks nobody.

import { createHash } from 'node:crypto';
import { RespError } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import { evenSlots } from '../cluster/shares.ts';
import { SLOTS, SlotSet, type SlotRange } from '../cluster/slot.ts';

/** The code of every refusal of a plan or a part. */
export const PARTITION = 'PARTITION';

export interface PlannedShare {
  readonly slots: readonly SlotRange[];
  /** About, when the plan was made. */
  readonly keys: number;
  /** Who served them then. */
  readonly nodes: readonly string[];
  /** Whether the keys of a node are shared out among several workers. */
  readonly cut?: boolean;
}

export interface WorkersPlan {
  /** The version that has made it. */
  readonly rump: string;
  /** Of the format. */
  readonly plan: number;
  /** The ids of the nodes of the cluster, of replicas as well. */
  readonly source: { readonly nodes: readonly string[]; readonly slots: number };
  /** The first one is that of part 1. */
  readonly shares: readonly PlannedShare[];
}

/** What one of several processes copies of a cluster. */
export interface PartitionOptions {
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  /** Without one, slots are cut evenly by their numbers. */
  readonly plan?: WorkersPlan | undefined;
}

export interface Partition {
  readonly part: number;
  readonly parts: number;
  readonly slots: SlotSet;
  /** Of the cluster that the plan is for; `undefined` without a plan. */
  readonly nodeIds: ReadonlySet<string> | undefined;
  /** What tells its slots from those of any other plan. */
  readonly digest: string;
  /** What tells the slots of all parts from those of any other plan. */
  readonly plan: string;
}

export const PLAN_FORMAT = 1;
const DIGEST_LENGTH = 16;
/** What each worker of a node would get, in messages. */
const SENT = {
  followed: ['follow', 'told all of its changes'],
  'taken whole': ['copy snapshots of', 'sent all of it'],
} as const;

/** `2/4` */
export function partName({ part, parts }: Pick<PartitionOptions, 'part' | 'parts'>): string {
  return `${part}/${parts}`;
}

/** The same for all parts that have every slot of a cluster together. */
export function planDigest({ parts, plan }: Pick<PartitionOptions, 'parts' | 'plan'>): string {
  if (plan === undefined) return digestOf(`${parts} even parts`);
  return digestOf(JSON.stringify(plan.shares.map(({ slots }) => new SlotSet(slots).ranges)));
}

/** A share a line. */
export function formatPlan({ rump, plan, source, shares }: WorkersPlan): string {
  const fields = [
    `"rump": ${JSON.stringify(rump)}`,
    `"plan": ${plan}`,
    `"source": ${JSON.stringify(source)}`,
    `"shares": [\n${shares.map((share) => `    ${JSON.stringify(share)}`).join(',\n')}\n  ]`,
  ];
  return `{\n${fields.map((field) => `  ${field}`).join(',\n')}\n}\n`;
}

/**
 * @param where it was found, in messages
 * @throws RespError where it is none, of another version, or does not have every slot once
 */
export function parsePlan(text: string, where: string): WorkersPlan {
  const refused = (why: string): RespError => unusable(where, why);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refused('it is not JSON');
  }
  if (!isRecord(parsed) || parsed['plan'] === undefined) throw refused('it is no plan of rump');
  const { rump, plan, source, shares } = parsed;
  if (plan !== PLAN_FORMAT) {
    const was = JSON.stringify(plan).slice(0, 20);
    throw refused(`another version of rump has made it (plan ${was}, and this one reads ${PLAN_FORMAT})`);
  }
  if (typeof rump !== 'string' || !isSource(source) || !Array.isArray(shares) || shares.length === 0)
    throw refused('it does not say which cluster it is for, or has no shares');
  for (const [at, share] of shares.entries())
    if (!isShare(share)) throw refused(`share ${at + 1} has to have slots, keys and nodes`);
  demandWhole(shares as PlannedShare[], refused);
  return { rump, plan, source, shares: shares as PlannedShare[] };
}

/**
 * @param how it is read: by asking for its slots alone, or by what its nodes send, of all that they have
 * @throws RespError where there is no such part, or it cannot be read so
 */
export function partitionOf({ part, parts, plan }: PartitionOptions, how: keyof typeof SENT | 'scanned'): Partition {
  const cannot = `Cannot copy part ${part} of ${parts}`;
  if (!(part >= 1 && part <= parts)) throw new RespError(PARTITION, `${cannot}: there is no such part`);
  if (parts > SLOTS) throw new RespError(PARTITION, `${cannot}: a cluster has ${formatCount(SLOTS)} slots`);
  const share = plan?.shares[part - 1];
  if (plan !== undefined && plan.shares.length !== parts) {
    const hint = `give --partition ${Math.min(part, plan.shares.length)}/${plan.shares.length}, or make another plan`;
    throw new RespError(PARTITION, `${cannot}: the plan is for ${plan.shares.length} workers`, { hint });
  }
  if (how !== 'scanned' && (share === undefined || share.cut === true)) {
    const why = share === undefined ? 'without a plan, nodes are cut through' : 'the plan cuts a node of it through';
    const [verb, what] = SENT[how];
    const message = `Cannot ${verb} part ${part} of ${parts}: ${why}, and each worker would be ${what}`;
    const hint = 'give --plan, made for no more workers than the cluster has primaries';
    throw new RespError(PARTITION, message, { hint });
  }
  const slots = share === undefined ? evenSlots(part, parts) : new SlotSet(share.slots);
  const nodeIds = plan && new Set(plan.source.nodes);
  return { part, parts, slots, nodeIds, digest: digestOf(slots.describe(Infinity)), plan: planDigest({ parts, plan }) };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
}

/** Every slot is in one share, and in one alone. @throws RespError */
function demandWhole(shares: readonly PlannedShare[], refused: (why: string) => RespError): void {
  const taken = new SlotSet();
  for (const [at, { slots }] of shares.entries()) {
    for (const slot of new SlotSet(slots)) {
      if (taken.has(slot)) throw refused(`slot ${slot} is in share ${at + 1} and in another one`);
      taken.add(slot);
    }
  }
  const missing = SlotSet.all();
  for (const slot of taken) missing.delete(slot);
  if (missing.size > 0) throw refused(`no share has slots ${missing.describe()}`);
}

function unusable(where: string, why: string): RespError {
  return new RespError(PARTITION, `Cannot use ${where}: ${why}`, {
    hint: 'rump plan --workers N --from CLUSTER makes one',
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSource(value: unknown): value is WorkersPlan['source'] {
  return isRecord(value) && isTexts(value['nodes']) && value['nodes'].length > 0 && value['slots'] === SLOTS;
}

function isShare(value: unknown): value is PlannedShare {
  if (!isRecord(value)) return false;
  const { slots, keys, nodes, cut = false } = value;
  const isWhole = Array.isArray(slots) && slots.every(isRange);
  return isWhole && typeof keys === 'number' && keys >= 0 && isTexts(nodes) && typeof cut === 'boolean';
}

function isRange(value: unknown): value is SlotRange {
  if (!Array.isArray(value) || value.length !== 2 || !value.every((slot) => Number.isInteger(slot))) return false;
  const [first, last] = value as [number, number];
  return first >= 0 && first <= last && last < SLOTS;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
