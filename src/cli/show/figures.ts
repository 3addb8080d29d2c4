// Figures of a run in words: 2 m 05 s, 185,000 keys/s, and the summaries of a copy and a check.

import { countOf, formatBytes, formatCount } from '../../../resp/figures.ts';
import type { Figures } from '../../sync/options.ts';
import type { CheckFigures } from '../../verify/options.ts';

/** @param ms milliseconds */
export function formatDuration(ms: number): string {
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${twoDigits(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${twoDigits((seconds % 3600) / 60)} m`;
}

function twoDigits(number: number): string {
  return String(Math.floor(number)).padStart(2, '0');
}

/** Keys a second, to three digits. */
export function formatRate(keys: number, ms: number): string {
  const rate = perSecond(keys, ms);
  return `${rate > 0 && rate < 10 ? rate.toFixed(1) : formatCount(Number(rate.toPrecision(3)))} keys/s`;
}

export function perSecond(count: number, ms: number): number {
  return (count * 1000) / Math.max(ms, 1);
}

export function formatSummary(figures: Figures): string {
  const { keys, bytes, converted, skipped, expired, failed, reconnects, elapsed } = figures;
  const copied = `${countOf(keys, 'key')}, ${formatBytes(bytes)} in ${formatDuration(elapsed)} (${formatRate(keys, elapsed)})`;
  const others = `${formatCount(skipped)} skipped, ${formatCount(expired)} expired on the way, ${formatCount(failed)} failed`;
  const converting = converted > 0 ? `, ${formatCount(converted)} converted` : '';
  return `${copied}${converting}, ${others}${reconnects > 0 ? `, ${countOf(reconnects, 'reconnect')}` : ''}`;
}

/** Keys that are not the same on both sides. */
export function differencesOf({ differ, sourceOnly, targetOnly }: CheckFigures): number {
  return differ + sourceOnly + targetOnly;
}

/** Whether keys were found, but all were gone from both sides before they could be compared. */
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
    ...(reconnects > 0 ? [countOf(reconnects, 'reconnect')] : []),
  ];
  const rate = formatRate(match + differencesOf(figures) + notComparable, elapsed);
  return `${counts.join(', ')}, in ${formatDuration(elapsed)} (${rate})`;
}

/** Why a check has not ended well; `undefined` if it has. */
export function describeDifferences(figures: CheckFigures): string | undefined {
  const different = differencesOf(figures);
  const parts = [
    ...(different > 0
      ? [`${countOf(different, 'key')} ${different === 1 ? 'is' : 'are'} not the same on both sides`]
      : []),
    ...(figures.notComparable > 0
      ? [`${countOf(figures.notComparable, 'key')} ${figures.notComparable === 1 ? 'is' : 'are'} not comparable`]
      : []),
    ...(figures.failed > 0 ? [`${countOf(figures.failed, 'key')} could not be compared`] : []),
    ...(isInVain(figures)
      ? [`nothing was compared: ${countOf(figures.gone, 'key')} went from both sides meanwhile`]
      : []),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}
