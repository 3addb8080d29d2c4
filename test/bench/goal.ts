// What is asked of one figure of a dataset: a limit, and on which side of it the figure has to be.
import type { FloorName } from './floors.ts';

/** `a` to `d` are rump's wall time divided by that of the floor; CPU times are divided by those of floor `c`. */
export type GoalFigure =
  | FloorName
  | 'cpuPerKey'
  | 'peakRss'
  | 'keysPerSecond'
  | 'megabytesPerSecond'
  | 'waitMax'
  | 'waitBesideFork'
  | 'cpuRatio'
  | 'sourceCpuRatio';

export interface Goal {
  readonly figure: GoalFigure;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export function meets({ atMost = Infinity, atLeast = -Infinity }: Goal, value: number): boolean {
  return value <= atMost && value >= atLeast;
}
