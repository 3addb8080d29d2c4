// Numbers as people read them: 1,234,567 and 81.2 MiB. What is looked up by its number, an offset or a port, stays as it is.

/** Between digits of which three or six follow, and so on. A formatter of `Intl` would take 8 ms to load. */
const THOUSANDS = /\B(?=(?:\d{3})+$)/g;
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function formatCount(count: number | bigint): string {
  const whole = typeof count === 'bigint' ? count : Math.round(count);
  return String(whole).replace(THOUSANDS, ',');
}

/** `1 key`, `2,000 keys`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A size, where not every byte of it counts. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let rest = bytes;
  // What would be rounded up to 1024.0 belongs to the next unit already.
  for (; rest >= 1023.95 && unit < BYTE_UNITS.length - 1; unit++) rest /= 1024;
  return `${unit === 0 ? formatCount(bytes) : rest.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

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

/** @param ms milliseconds */
export function perSecond(count: number, ms: number): number {
  return (count * 1000) / Math.max(ms, 1);
}
