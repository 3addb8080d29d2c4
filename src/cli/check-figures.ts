// The figures of a check as people read them, in the summary and in the bar.

import type { CheckFigures } from '../verify/options.ts';
import type { BarFigures } from './bar.ts';
import { formatCount, formatDuration, formatKeys, formatRate, formatReconnects } from './figures.ts';

/** Keys that are not the same on both sides. */
export function differencesOf({ differ, sourceOnly, targetOnly }: CheckFigures): number {
  return differ + sourceOnly + targetOnly;
}

/** Whether keys were found and none was compared: by then they were gone from both sides. */
export function isInVain(figures: CheckFigures): boolean {
  return figures.gone > 0 && figures.match + differencesOf(figures) + figures.notComparable + figures.failed === 0;
}

export function formatCheckSummary(figures: CheckFigures): string {
  const { match, differ, sourceOnly, targetOnly, notComparable, expired, gone, failed, reconnects, elapsed } = figures;
  const counts = [
    `${formatCount(match)} equal`,
    `${formatCount(differ)} differ`,
    `${formatCount(sourceOnly)} only at the source`,
    `${formatCount(targetOnly)} only at the target`,
    ...(notComparable > 0 ? [`${formatCount(notComparable)} not comparable`] : []),
    `${formatCount(expired)} expired meanwhile`,
    ...(gone > 0 ? [`${formatCount(gone)} gone meanwhile`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} not compared`] : []),
    ...(reconnects > 0 ? [formatReconnects(reconnects)] : []),
  ];
  const rate = formatRate(match + differencesOf(figures) + notComparable, elapsed);
  return `${counts.join(', ')}, in ${formatDuration(elapsed)} (${rate})`;
}

/** Why a check has not ended well; `undefined`: it has. */
export function describeDifferences(figures: CheckFigures): string | undefined {
  const different = differencesOf(figures);
  const parts = [
    ...(different > 0 ? [`${formatKeys(different)} ${different === 1 ? 'is' : 'are'} not the same on both sides`] : []),
    ...(figures.notComparable > 0
      ? [`${formatKeys(figures.notComparable)} ${figures.notComparable === 1 ? 'is' : 'are'} not comparable`]
      : []),
    ...(figures.failed > 0 ? [`${formatKeys(figures.failed)} could not be compared`] : []),
    ...(isInVain(figures) ? [`nothing was compared: ${formatKeys(figures.gone)} went from both sides meanwhile`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** What a bar shows of a check, which knows the same figures by the names of a copy. */
export function comparedFigures(figures: CheckFigures & { readonly fraction: number }): BarFigures {
  const { fraction, match, bytes, expired, failed, reconnects, elapsed } = figures;
  const keys = match + differencesOf(figures) + figures.notComparable;
  return { fraction, keys, bytes, converted: 0, skipped: 0, expired, failed, reconnects, elapsed };
}
