// The writes that a copy has to follow: commands over all usual types, or one that makes another key each time.
import type { Argument } from '../support/frames.ts';
import { Random } from './random.ts';

/** `mixed`: keys are written again and again, and deleted; `distinct`: no key is written twice. */
export type WriteKind = 'mixed' | 'distinct';

const SEED = 0x77726974;
const VALUE_BYTES = 64;
const STRINGS = 100_000;
/** Of each other type. */
const OTHERS = 1000;
const HOUR_MS = 3_600_000;

/** The same ones each time, without an end. */
export function* writesOf(kind: WriteKind): Generator<Argument[], never> {
  const random = new Random(SEED);
  for (let index = 0; ; index += 1) {
    yield kind === 'mixed' ? mixed(index, random) : ['SET', `new:${String(index).padStart(9, '0')}`, 'x'];
  }
}

function mixed(index: number, random: Random): Argument[] {
  const string = `string:${random.between(1, STRINGS)}`;
  const other = random.between(1, OTHERS);
  switch (index % 10) {
    case 0:
    case 1:
    case 2:
      return ['SET', string, random.text(VALUE_BYTES)];
    case 3:
      return ['SET', string, random.text(VALUE_BYTES), 'PX', HOUR_MS];
    case 4:
      return ['DEL', string];
    case 5:
      return ['INCR', `number:${other}`];
    case 6:
      return ['HSET', `hash:${other}`, `field:${random.between(1, 50)}`, random.text(VALUE_BYTES)];
    case 7:
      return ['LPUSH', `list:${other}`, random.text(VALUE_BYTES)];
    case 8:
      return ['SADD', `set:${other}`, `member:${random.between(1, 50)}`];
    default:
      return ['ZADD', `zset:${other}`, index, `member:${random.between(1, 50)}`];
  }
}
