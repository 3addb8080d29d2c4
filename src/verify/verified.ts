// A copy, and a check of what it has copied behind it.

import { Listener } from '../../resp/listener.ts';
import { KeyList } from '../flow/key-list.ts';
import { answersOf } from '../sync/control-commands.ts';
import { RunControls } from '../sync/controls.ts';
import { copyOnce } from '../sync/migrate.ts';
import type { MigrateEvent, MigrateOptions, MigrateResult } from '../sync/options.ts';
import { compare, demandComparable } from './check.ts';
import type { CheckEvent, CheckOptions, CheckResult, Verdict } from './options.ts';
import { published } from './run-channels.ts';

/** Of keys that a copy has to read once more. */
const DIFFERENT: ReadonlySet<Verdict> = new Set(['differ', 'sourceOnly']);

export type VerifiedEvent = MigrateEvent | CheckEvent;

export interface VerifiedOptions extends Omit<MigrateOptions, 'onEvent'> {
  /**
   * `true`, or how the check is to be made: compares what was copied with the source, unless a key failed. Keys that only
   * the target has are no difference, nor are those that were skipped. Default: nothing is compared.
   */
  readonly verify?: boolean | Pick<CheckOptions, 'ttlTolerance' | 'recheck' | 'recheckInterval'> | undefined;
  /** Called synchronously; it must be quick and must not throw. The events of the check follow those of the copy. */
  readonly onEvent?: ((event: VerifiedEvent) => void) | undefined;
}

export interface VerifiedResult extends MigrateResult {
  /** What the check has found, where one was asked for. */
  readonly check?: CheckResult | undefined;
}

/**
 * Copies the keys of the source that are in scope to the target.
 *
 * Resolves once the whole source was read and every reply is there; `failed` says how many keys are not on the target.
 * Rejects with a RespError when the copy or its check could not begin or not go on, or with the reason of
 * `options.signal`.
 */
export function migrate(options: VerifiedOptions): Promise<VerifiedResult> {
  return published('copy', options, listenAndCopy);
}

async function listenAndCopy(options: VerifiedOptions): Promise<VerifiedResult> {
  const { control, signal, cutover } = options;
  const controls = new RunControls(options);
  if (control === undefined) return copyAndCompare(options, controls);
  // Before anything is done: somebody else may have the socket.
  const listener = await Listener.open({ path: control, answer: answersOf(controls) });
  const own = { signal: either(controls.signal, signal), cutover: either(controls.cutoverSignal, cutover) };
  own.signal.addEventListener('abort', () => controls.stop(), { once: true });
  try {
    return await copyAndCompare({ ...options, ...own }, controls);
  } finally {
    listener.close();
  }
}

function either(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}

async function copyAndCompare(
  { verify = false, ...options }: VerifiedOptions,
  controls: RunControls,
): Promise<VerifiedResult> {
  if (verify !== false && options.dryRun !== true) await demandComparable({ ...options, onEvent: undefined });
  if (verify === false || options.dryRun === true) return copyOnce(options, controls);
  const how = verify === true ? {} : verify;
  let check: CheckResult | undefined;
  const figures = await copyOnce(options, controls, async ({ written }) => {
    const different = new KeyList<undefined>();
    const onEvent = (event: CheckEvent): void => {
      if (event.type === 'verdict' && DIFFERENT.has(event.verdict)) different.add(event, undefined);
      // A batch is what the target has acknowledged.
      if (event.type !== 'batch') options.onEvent?.(event);
    };
    check = await compare({ ...options, ...how, onEvent }, { oneWay: true, written }, controls);
    const { failed, notComparable, match, gone } = check;
    const isVain = match === 0 && gone > 0;
    return { isEqual: different.length + failed + notComparable === 0 && !isVain, different };
  });
  return check === undefined ? figures : { ...figures, check };
}
