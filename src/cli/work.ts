// What each command does. commands.ts loads it once one of them is asked for.

import type { Command } from './command.ts';
import { runCheck } from './check.ts';
import { runCompletion } from './completion.ts';
import { runCopy } from './copy.ts';
import { runCtl } from './ctl.ts';
import { runInspect } from './inspect.ts';
import { runPlan } from './plan.ts';
import { runReport } from './report.ts';

export const WORK = {
  copy: runCopy,
  check: runCheck,
  plan: runPlan,
  inspect: runInspect,
  ctl: runCtl,
  report: runReport,
  completion: runCompletion,
} as const satisfies Readonly<Record<string, Command['run']>>;
