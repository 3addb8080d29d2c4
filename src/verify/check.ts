// The whole check: reach both sides, look at them, walk both, look again at what differs, and say how they compare.

import { pauseFor, type Reconnect } from '../server/retry.ts';
import { PROBE_KEY, type Probe, type Purpose } from '../server/probes.ts';
import type { Source } from '../source/source.ts';
import { channelOf } from '../sync/ends.ts';
import { Flow } from '../sync/flow.ts';
import { leftOutDatabases } from '../sync/left-out.ts';
import { planOf, type Plan } from '../sync/plan.ts';
import { preflight, warningsOf } from '../sync/preflight.ts';
import { settingsOf, withForms } from '../sync/settings.ts';
import { closeSides, openSides, type Sides } from '../sync/sides.ts';
import { startEvent } from '../sync/start-event.ts';
import type { Target } from '../target/target.ts';
import { CheckProgress } from './check-progress.ts';
import { checkSettingsOf, type CheckSettings } from './check-settings.ts';
import { FilePair } from './file-pair.ts';
import { ComparePlan } from './compare-plan.ts';
import type { CheckOptions, CheckResult } from './options.ts';
import type { Scope } from './scope.ts';

/**
 * Compares the keys of the source that are in scope with those of the target, by value, and writes nothing.
 *
 * Resolves once both sides were walked; `differ`, `sourceOnly` and `targetOnly` say how many keys are not the same, and
 * `failed` how many could not be compared. Rejects with a RespError when the check could not begin or not go on, or with
 * the reason of `options.signal`.
 */
export function check(options: CheckOptions): Promise<CheckResult> {
  return compare(options, { oneWay: false, written: undefined });
}

export async function compare(options: CheckOptions, scope: Scope): Promise<CheckResult> {
  return reach(options, scope, (sides, plan, settings, end) => new Check(sides, plan, settings, end).run());
}

/**
 * Looks at both sides as a check does before it begins: whoever will need it wants to know early whether it can be.
 * @throws RespError, as `check`
 */
export async function demandComparable(options: CheckOptions): Promise<void> {
  // A file that is to be compared in the end is first to be written.
  await reach(options, { oneWay: true, written: undefined }, async () => {}, 'write');
}

async function reach<T>(
  options: CheckOptions,
  scope: Scope,
  use: (sides: Sides, plan: Plan, settings: CheckSettings, end: AbortController) => Promise<T>,
  filePurpose: Purpose = 'read',
): Promise<T> {
  const { onEvent: _, ...rest } = options;
  const settings = { ...(await withForms(settingsOf(rest, 'check'))), ...checkSettingsOf(options), ...scope };
  const end = new AbortController();
  const signals = settings.signal === undefined ? [end.signal] : [end.signal, settings.signal];
  const probes: Probe[] = scope.oneWay ? [] : [['EXISTS', PROBE_KEY]];
  const onReconnect = (event: Reconnect): void => settings.onCheckEvent({ type: 'reconnect', ...event });
  const sides = await openSides(settings, AbortSignal.any(signals), onReconnect, 'read', probes, filePurpose);
  try {
    const plan = planOf(sides, settings, !scope.oneWay);
    await preflight(sides, plan.databases);
    return await use(sides, plan, settings, end);
  } finally {
    end.abort();
    closeSides(sides);
  }
}

class Check {
  readonly #sides: Sides;
  readonly #plan: Plan;
  readonly #settings: CheckSettings;
  readonly #end: AbortController;
  readonly #progress: CheckProgress;
  #fraction: () => number = () => 0;

  constructor(sides: Sides, plan: Plan, settings: CheckSettings, end: AbortController) {
    this.#sides = sides;
    this.#plan = plan;
    this.#settings = settings;
    this.#end = end;
    this.#progress = new CheckProgress(settings.onCheckEvent);
  }

  async run(): Promise<CheckResult> {
    const [sides, plan, settings, progress] = [this.#sides, this.#plan, this.#settings, this.#progress];
    const leftOut = sides.source === undefined ? [] : leftOutDatabases(sides.source, plan.databases);
    const warnings = [...warningsOf(sides, plan.databases), ...leftOut];
    progress.start(startEvent(sides, plan, settings), warnings, () => this.#fraction());
    try {
      if (sides.source === undefined && sides.target === undefined) await this.#compareFiles();
      else await this.#compareSides();
    } catch (error) {
      progress.stop();
      throw error;
    }
    return progress.finish();
  }

  async #compareSides(): Promise<void> {
    const ground = new ComparePlan(this.#sides, this.#plan, this.#settings, this.#progress);
    const { findings } = ground;
    await this.#flow(ground.walk(), ground.march(), 0, ground.seeksOthers ? 0.8 : 1);
    if (ground.seeksOthers) await this.#seekOthers(ground);
    await this.#lookAgain(ground);
    this.#progress.flush();
    findings.conclude();
  }

  async #seekOthers(ground: ComparePlan): Promise<void> {
    if (ground.areServers) return this.#flow(ground.otherNames(), ground.seeker(), 0.8, 1);
    await this.#flow(ground.otherNames(), ground.stranger(), 0.8, 1);
    while (!ground.isNamesDone) {
      const { source, target } = ground.collectMore();
      await this.#flow(source, target, 0.8, 0.9);
      await this.#flow(ground.otherNames(), ground.stranger(), 0.9, 1);
    }
  }

  async #lookAgain(ground: ComparePlan): Promise<void> {
    const { recheck, recheckInterval } = this.#settings;
    const { doubts } = ground.findings;
    ground.findings.again();
    for (let round = 1; round <= recheck && doubts.size > 0 && ground.canLookAgain; round++) {
      this.#progress.onRecheck(doubts.size, round, recheck, recheckInterval);
      await pauseFor(recheckInterval, AbortSignal.any([this.#end.signal, ...this.#signals]));
      const { source, target } = ground.secondLook();
      await this.#flow(source, target, 1, 1);
    }
  }

  async #compareFiles(): Promise<void> {
    const pair = new FilePair(this.#plan, this.#settings, this.#progress);
    try {
      while (!pair.isDone) {
        const load = pair.load();
        await this.#flow(load.source, load.target, 0, 0.5);
        const compare = pair.compare();
        await this.#flow(compare.source, compare.target, 0.5, 1);
        pair.next();
      }
    } finally {
      pair.close();
    }
    this.#progress.flush();
    pair.findings.conclude();
  }

  get #signals(): AbortSignal[] {
    return this.#settings.signal === undefined ? [] : [this.#settings.signal];
  }

  /** @param first how much of the whole is done before, and behind it */
  async #flow(source: Source, target: Target, first: number, last: number): Promise<void> {
    this.#fraction = () => first + source.fraction * (last - first);
    const channel = channelOf(this.#sides, this.#settings);
    await new Flow(source, channel, target, this.#end).run(this.#settings.signal);
  }
}
