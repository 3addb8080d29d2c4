// The whole check: reach both sides, look at them, compare them pass by pass, read again what differs, and say how they are.

import { pauseFor, type Reconnect } from '../server/retry.ts';
import { PROBE_KEY, type Purpose } from '../server/probes.ts';
import type { RunControls } from '../sync/controls.ts';
import { channelOf, Flow } from '../sync/flow.ts';
import { startEvent, withSides, type Run } from '../sync/preflight.ts';
import { withForms } from '../sync/settings.ts';
import { warningsOf } from '../sync/warnings.ts';
import { CheckProgress } from './findings.ts';
import {
  checkSettingsOf,
  type CheckOptions,
  type CheckResult,
  type CheckScope,
  type CheckSettings,
} from './options.ts';
import { FileCheck } from './file-check.ts';
import type { Pass, Passes } from './pass.ts';
import { published } from './run-channels.ts';
import { ServerCheck } from './server-check.ts';

/**
 * Compares the keys of the source that are in scope with those of the target, by value, and writes nothing.
 *
 * Resolves once both sides were walked; `differ`, `sourceOnly` and `targetOnly` say how many keys are not the same, and
 * `failed` how many could not be compared. Rejects with a RespError when the check could not begin or not go on, or with
 * the reason of `options.signal`.
 */
export function check(options: CheckOptions): Promise<CheckResult> {
  return published('check', options, (told: CheckOptions) => compare(told, { oneWay: false, written: undefined }));
}

/** @param controls of the copy that has gone before */
export function compare(options: CheckOptions, scope: CheckScope, controls?: RunControls): Promise<CheckResult> {
  return withBoth(options, scope, 'read', (run) => new Check(run).run(), controls);
}

/**
 * Looks at both sides as a check does before it begins: whoever will need it wants to know early whether it can be.
 * @throws RespError, as `check`
 */
export function demandComparable(options: CheckOptions): Promise<void> {
  // A file that is to be compared in the end is first to be written.
  return withBoth(options, { oneWay: true, written: undefined }, 'write', async () => {});
}

async function withBoth<T>(
  options: CheckOptions,
  scope: CheckScope,
  filePurpose: Purpose,
  use: (run: Run<CheckSettings>) => Promise<T>,
  controls?: RunControls,
): Promise<T> {
  const settings = await withForms(checkSettingsOf(options, scope, controls));
  const { oneWay } = scope;
  const onReconnect = (event: Reconnect): void => settings.onCheckEvent({ type: 'reconnect', ...event });
  const probes = oneWay ? [] : ([['EXISTS', PROBE_KEY]] as const);
  return withSides(settings, { purpose: 'read', filePurpose, probes, onReconnect, isMutual: !oneWay }, use);
}

class Check {
  readonly #run: Run<CheckSettings>;
  readonly #progress: CheckProgress;
  #fraction: () => number = () => 0;

  constructor(run: Run<CheckSettings>) {
    this.#run = run;
    this.#progress = new CheckProgress(run.settings);
  }

  async run(): Promise<CheckResult> {
    const { source, target } = this.#run.sides;
    const progress = this.#progress;
    const areFiles = source === undefined && target === undefined;
    const comparison = areFiles ? new FileCheck(this.#run, progress) : new ServerCheck(this.#run, progress);
    this.#run.settings.controls.show('comparing');
    progress.start(startEvent(this.#run), await warningsOf(this.#run), () => this.#fraction());
    try {
      for (const pass of comparison.passes()) await this.#flow(pass);
      await this.#recheck(comparison);
      progress.flush();
      comparison.findings.conclude();
    } catch (error) {
      progress.stop();
      throw error;
    }
    return progress.finish();
  }

  /** What differs may only have been on its way. */
  async #recheck(comparison: Passes): Promise<void> {
    const { end, settings } = this.#run;
    const { recheck: rounds, recheckInterval: pause, signal } = settings;
    const { queue } = comparison.findings;
    comparison.findings.beginRechecks();
    let round = 1;
    for (const pass of comparison.rechecks()) {
      if (round > rounds || queue.size === 0) return;
      this.#progress.onRecheck(queue.size, round, rounds, pause);
      await pauseFor(pause, AbortSignal.any(signal === undefined ? [end.signal] : [end.signal, signal]));
      await this.#flow(pass);
      round++;
    }
  }

  async #flow({ source, target, share: [first, last], isFirst }: Pass): Promise<void> {
    this.#fraction = () => first + source.fraction * (last - first);
    const { settings } = this.#run;
    const channel = channelOf(this.#run, isFirst === true ? settings.observation : undefined);
    await new Flow(source, channel, target, this.#run).run(settings.signal);
  }
}
