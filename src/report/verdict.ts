// What a run came to, in a headline: for whoever reads nothing else of the page.

import { formatDuration } from '../../resp/figures.ts';
import type { RunPhase, RunState } from './run-state.ts';

/** Each has a mark and a word beside its colour. */
export type Tone = 'good' | 'bad' | 'warn' | 'busy';

export interface Verdict {
  readonly tone: Tone;
  /** One or two words. */
  readonly status: string;
  readonly title: string;
  readonly text?: string | undefined;
  readonly hint?: string | undefined;
}

export const PHASE_NAMES: Readonly<Record<RunPhase, string>> = {
  starting: 'starting',
  attaching: 'attaching',
  copying: 'copying',
  following: 'following',
  'in-sync': 'in sync',
  cutover: 'cutover',
  lingering: 'lingering',
  checking: 'comparing',
  done: 'done',
  failed: 'failed',
};

const TITLES: Readonly<Record<Exclude<RunPhase, 'done' | 'failed'>, string>> = {
  starting: 'Both sides are being looked at',
  attaching: 'The source is asked to let rump follow it',
  copying: 'Keys are being copied',
  following: 'Everything that was there is copied; changes are followed',
  'in-sync': 'The target is in sync with the source',
  cutover: 'Cutting over: the last changes are being copied',
  lingering: 'Everything is on the target; whoever still writes is looked for',
  checking: 'Both sides are being compared',
};

const [FAILED, USAGE, DIFFERENT, PASSING, FIRST_SIGNAL] = [1, 2, 3, 75, 128];

export function verdictOf(state: RunState): Verdict {
  const { outcome, phase, paused, waiting, updatedAt } = state;
  if (outcome !== undefined) return outcome.isComplete ? good(state) : broken(state, outcome);
  const title = phase === 'done' || phase === 'failed' ? 'The run has ended' : TITLES[phase];
  if (paused) return { tone: 'warn', status: 'Paused', title, text: 'Nothing is read or written until RESUME is said' };
  const isWaiting = waiting !== undefined && waiting.until > updatedAt;
  const text = isWaiting ? `Trying again in ${formatDuration(waiting.until - updatedAt)}: ${waiting.why}` : undefined;
  return { tone: isWaiting ? 'warn' : 'busy', status: isWaiting ? 'Waiting' : 'Running', title, text };
}

function good({ command, check, dryRun, figures, warnings }: RunState): Verdict {
  const common = { tone: 'good', status: 'Done' } as const;
  if (dryRun !== undefined) return { ...common, title: 'Nothing was written: this is what a copy would bring' };
  if (command === 'check') return { ...common, title: 'Both sides are equal' };
  const what = figures.skipped > 0 ? 'Everything was copied but what the target had' : 'Everything was copied';
  const title = check === undefined ? what : `${what}, and it compares equal`;
  const count = Object.values(warnings).reduce((sum, number) => sum + number, 0);
  const text = count === 0 ? undefined : `With ${count === 1 ? 'a warning' : `${count} warnings`}, below`;
  return { ...common, title, text };
}

function broken(state: RunState, { exitCode, text, hint }: NonNullable<RunState['outcome']>): Verdict {
  const isCheck = state.command === 'check';
  const what = isCheck ? 'The check' : state.isCopied ? 'Everything was copied, but the check' : 'The copy';
  const again = againOf(state);
  const common = { text, hint };
  if (exitCode > FIRST_SIGNAL)
    return { ...common, tone: 'warn', status: 'Interrupted', title: `${what} was interrupted`, hint: hint ?? again };
  switch (exitCode) {
    case DIFFERENT:
      return {
        ...common,
        tone: 'bad',
        status: 'Different',
        title: isCheck ? 'The two sides are not the same' : 'Copied, but the two sides are not the same',
      };
    case PASSING:
      return {
        ...common,
        tone: 'bad',
        status: 'Broken off',
        title: `${what} broke off, for a reason that may pass`,
        hint: hint === undefined ? again : `${hint}. ${again}`,
      };
    case FAILED:
    case USAGE:
    default:
      return { ...common, tone: 'bad', status: 'Not complete', title: incompleteTitle(state) };
  }
}

/** What to do about a run that did not come to its end. */
function againOf({ command, options, source, target, isCopied }: RunState): string {
  if (command === 'check') return 'Run it again';
  if (isCopied) return 'Compare with rump check';
  const isGiven = (flag: string, value?: string): boolean =>
    options.some(([name, given]) => name === flag && (value === undefined || given === value));
  if (isGiven('--resume')) return 'The same command goes on where this one ended';
  // Where --resume is refused, or nothing was done that could be gone on from.
  const isWhole = [source, target].some((side) => side === undefined || side.kind === 'file');
  const isRefused = isGiven('--dry-run') || isGiven('--first-copy', 'snapshot');
  return isWhole || isRefused ? 'Run it again' : 'Run it again; with --resume it could have gone on where it ended';
}

/** Of a run that has ended with exit code 1. */
function incompleteTitle({ command, figures, isCopied, check, options }: RunState): string {
  const { keys, failed, stragglers = 0, doubtful = 0 } = figures;
  if (command === 'check') return 'Not everything could be compared';
  if (!isCopied || failed > 0) return keys > 0 ? 'Not everything was copied' : 'Nothing was copied';
  if (stragglers > 0) return 'Everything was copied, but the source was written after the cutover';
  if (doubtful > 0) return 'Everything was copied, but the target has keys that may be its own';
  const isVerified = check !== undefined || options.some(([flag]) => flag === '--verify');
  return isVerified
    ? 'Everything was copied, but not all of it was compared'
    : 'Everything was copied, but not all is well';
}
