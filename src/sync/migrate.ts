// The whole program: reach both ends, look before the first write, let the entries flow, and say how it went.
//
//     source ── read ──▶ channel ──▶ write ── target

import { DryRunTarget } from '../target/dry-run-target.ts';
import type { WrittenKeys } from '../target/written-keys.ts';
import { channelOf, sourceOf, targetOf, writtenKeysOf } from './ends.ts';
import { Flow } from './flow.ts';
import { leftOutDatabases, leftOutFunctions } from './left-out.ts';
import type { MigrateOptions, MigrateResult } from './options.ts';
import { planOf, type Plan } from './plan.ts';
import { preflight, warningsOf, type Warning } from './preflight.ts';
import { Progress } from './progress.ts';
import { settingsOf, withForms, type Settings } from './settings.ts';
import { closeSides, openSides, type Sides } from './sides.ts';
import { startEvent } from './start-event.ts';

export interface Copied {
  readonly figures: MigrateResult;
  /** Which keys of the target are ours; `undefined` where all that were read are. */
  readonly written: WrittenKeys | undefined;
}

/**
 * Copies the keys of the source that are in scope to the target: `migrate`, but for the check that may follow.
 * @param isVerified whether one will: a mistake about which key is ours has to be rare then
 */
export async function copyOnce(options: MigrateOptions, isVerified = false): Promise<Copied> {
  const settings = await withForms(settingsOf(options));
  const end = new AbortController();
  const signal = AbortSignal.any([end.signal, ...(settings.signal ? [settings.signal] : [])]);
  const sides = await openSides(settings, signal, (event) => settings.onEvent({ type: 'reconnect', ...event }));
  try {
    const plan = planOf(sides, settings);
    await preflight(sides, plan.databases);
    const warnings = [...warningsOf(sides, plan.databases), ...(await leftOut(sides, plan))];
    return await copy(sides, plan, warnings, settings, end, isVerified);
  } finally {
    end.abort();
    closeSides(sides);
  }
}

async function copy(
  sides: Sides,
  plan: Plan,
  warnings: readonly Warning[],
  settings: Settings,
  end: AbortController,
  isVerified: boolean,
): Promise<Copied> {
  const progress = new Progress(settings);
  const tally = settings.dryRun ? new DryRunTarget() : undefined;
  const source = sourceOf(sides, plan, settings, progress, { tally });
  const channel = channelOf(sides, settings);
  const written = writtenKeysOf(plan, settings, isVerified);
  const target = tally ?? targetOf(sides, plan, settings, source, written, progress);
  const flow = new Flow(source, channel, target, end);
  if (settings.failFast) progress.onFirstFailure = (error) => flow.stop(error);

  progress.start(startEvent(sides, plan, settings), warnings, () => source.fraction);
  try {
    await flow.run(settings.signal);
  } catch (error) {
    progress.stop();
    throw error;
  }
  if (tally !== undefined) progress.count(tally.types);
  return { figures: progress.finish(), written };
}

async function leftOut({ source }: Sides, { databases }: Plan): Promise<Warning[]> {
  if (source === undefined) return [];
  return [...leftOutDatabases(source, databases), ...(await leftOutFunctions(source))];
}
