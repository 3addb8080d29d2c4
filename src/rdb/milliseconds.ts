// Milliseconds as servers count them, exact up to 2^63 - 1: numbers as far as those are exact, bigints beyond.

/** A point in time or a span. It has a fraction only if it is far below the largest exact number. */
export type Milliseconds = number | bigint;

/** The expiry of what does not expire. */
export const NEVER = -1;
/** The latest one that a server can store, often used for "for ever". */
export const LAST: Milliseconds = 2n ** 63n - 1n;

/** A bigint only if a number would not be exact. */
export function milliseconds(value: bigint): Milliseconds {
  return BigInt.asIntN(54, value) === value ? Number(value) : value;
}

/** No later than `LAST`. */
export function plus(time: Milliseconds, span: Milliseconds): Milliseconds {
  if (typeof time === 'number' && typeof span === 'number') {
    const sum = time + span;
    if (Math.abs(sum) <= Number.MAX_SAFE_INTEGER) return sum;
  }
  const sum = whole(time) + whole(span);
  return milliseconds(sum < LAST ? sum : BigInt(LAST));
}

/** The time from `earlier` to `time`; negative if it comes before. */
export function minus(time: Milliseconds, earlier: Milliseconds): Milliseconds {
  return plus(time, -earlier);
}

/** Rounded up to a whole millisecond. */
export function ceiling(time: Milliseconds): Milliseconds {
  return typeof time === 'number' ? Math.ceil(time) : time;
}

export function sooner(left: Milliseconds, right: Milliseconds): Milliseconds {
  return left < right ? left : right;
}

/** How far apart they are, to the nearest millisecond. */
export function distance(left: Milliseconds, right: Milliseconds): Milliseconds {
  const apart = left > right ? minus(left, right) : minus(right, left);
  return typeof apart === 'number' ? Math.round(apart) : apart;
}

function whole(value: Milliseconds): bigint {
  return typeof value === 'number' ? BigInt(Math.round(value)) : value;
}
