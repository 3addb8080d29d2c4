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
