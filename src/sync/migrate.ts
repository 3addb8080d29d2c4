// The whole program: reach both ends, look before the first write, let the entries flow, and say how it went.
//
//     source ── read ──▶ channel ──▶ write ── target

import { Tally } from '../target/tally.ts';
import { channelOf, sourceOf, targetOf } from './ends.ts';
import { Flow } from './flow.ts';
import type { MigrateOptions, MigrateResult } from './options.ts';
import { planOf, type Plan } from './plan.ts';
import { preflight, warningsOf } from './preflight.ts';
import { Progress } from './progress.ts';
import { settingsOf, type Settings } from './settings.ts';
import { closeSides, openSides, type Sides } from './sides.ts';
import { startEvent } from './start-event.ts';

/**
 * Copies the keys of the source that are in scope to the target.
 *
 * Resolves once the whole source was read and every reply is there; `failed` says how many keys are not on the target.
 * Rejects with a RespError when the copy could not begin or not go on, or with the reason of `options.signal`.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const settings = settingsOf(options);
  const end = new AbortController();
  const sides = await openSides(settings, AbortSignal.any([end.signal, ...(settings.signal ? [settings.signal] : [])]));
  try {
    const plan = planOf(sides, settings);
    await preflight(sides, plan.databases);
    return await copy(sides, plan, settings, end);
  } finally {
    end.abort();
    closeSides(sides);
  }
}

async function copy(sides: Sides, plan: Plan, settings: Settings, end: AbortController): Promise<MigrateResult> {
  const progress = new Progress(settings);
  const tally = settings.dryRun ? new Tally() : undefined;
  const source = sourceOf(sides, plan, settings, progress, tally);
  const channel = channelOf(sides, settings);
  const target = tally ?? targetOf(sides, plan, settings, source, progress);
  const flow = new Flow(source, channel, target, end);
  if (settings.failFast) progress.onFirstFailure = (error) => flow.stop(error);

  progress.start(startEvent(sides, plan, settings), warningsOf(sides, plan.databases), () => source.fraction);
  try {
    await flow.run(settings.signal);
  } catch (error) {
    progress.stop();
    throw error;
  }
  if (tally !== undefined) progress.count(tally.types);
  return progress.finish();
}
