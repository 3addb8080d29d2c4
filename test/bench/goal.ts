// What is asked of one figure of a dataset: a limit, and on which side of it the figure has to be.

/** `a`, `b` and `c` are rump's wall time divided by that of the floor. */
export type GoalFigure = 'a' | 'b' | 'c' | 'cpuPerKey' | 'peakRss' | 'keysPerSecond';

export interface Goal {
  readonly figure: GoalFigure;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export function meets({ atMost = Infinity, atLeast = -Infinity }: Goal, value: number): boolean {
  return value <= atMost && value >= atLeast;
}
