// Milliseconds as servers count them, exact up to 2^63 - 1: numbers as far as those are exact, bigints beyond.

/** A point in time, or a span of it. With a fraction only where it is far from the end of what numbers hold. */
export type Milliseconds = number | bigint;

/** A point in time that does not come. */
export const NEVER = -1;
/** The last one that a server can name, which is often meant for "for ever". */
export const LAST: Milliseconds = 2n ** 63n - 1n;

/** A bigint only where a number would not do. */
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

/** How long after `earlier` the other one is; less than 0 where it is before it. */
export function minus(time: Milliseconds, earlier: Milliseconds): Milliseconds {
  return plus(time, -earlier);
}

/** The first whole millisecond that is not before it. */
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
