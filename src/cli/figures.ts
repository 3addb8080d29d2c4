// Figures as people read them: 1,234,567 keys, 81.2 MiB, 2 m 05 s. One form for the bar and for the summary.

import { countOf, formatBytes, formatCount } from '../../resp/figures.ts';
import type { Figures } from '../sync/options.ts';

export { formatBytes, formatCount };

export function formatKeys(count: number): string {
  return countOf(count, 'key');
}

export function formatReconnects(count: number): string {
  return countOf(count, 'reconnect');
}

/** @param ms milliseconds */
export function formatDuration(ms: number): string {
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${twoDigits(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${twoDigits((seconds % 3600) / 60)} m`;
}

/** Keys a second, to the three digits that mean anything. */
export function formatRate(keys: number, ms: number): string {
  const rate = perSecond(keys, ms);
  return `${rate > 0 && rate < 10 ? rate.toFixed(1) : formatCount(Number(rate.toPrecision(3)))} keys/s`;
}

export function perSecond(count: number, ms: number): number {
  return (count * 1000) / Math.max(ms, 1);
}

export function formatSummary(figures: Figures): string {
  const { keys, bytes, converted, skipped, expired, failed, reconnects, elapsed } = figures;
  const copied = `${formatKeys(keys)}, ${formatBytes(bytes)} in ${formatDuration(elapsed)} (${formatRate(keys, elapsed)})`;
  const others = `${formatCount(skipped)} skipped, ${formatCount(expired)} expired on the way, ${formatCount(failed)} failed`;
  const converting = converted > 0 ? `, ${formatCount(converted)} converted` : '';
  return `${copied}${converting}, ${others}${reconnects > 0 ? `, ${formatReconnects(reconnects)}` : ''}`;
}

function twoDigits(number: number): string {
  return String(Math.floor(number)).padStart(2, '0');
}
