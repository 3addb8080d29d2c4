// The limits hold over every second, are used to the full in the long run, and what a pause saves up is little.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Pause } from '../../../src/flow/pause.ts';
import { Pacer, RateLimit, takePiece, type RateLimitOptions } from '../../../src/target/rate-limit.ts';

/** Milliseconds of the rate that may come on top of it. */
const BURST_MS = 50;

interface Taken {
  readonly at: number;
  readonly bytes: number;
}

class Clock {
  ms = 1000;
  readonly now = (): number => this.ms;
}

/** Takes as often as it may for so long, and is as late as `lateness` says, over and over. */
function takeAll(
  limit: RateLimit,
  clock: Clock,
  duration: number,
  sizes: readonly number[],
  lateness: number[],
): Taken[] {
  const taken: Taken[] = [];
  const end = clock.ms + duration;
  for (let turn = 0; clock.ms < end; turn++) {
    for (;;) {
      const bytes = sizes[taken.length % sizes.length]!;
      if (!limit.take(bytes)) break;
      taken.push({ at: clock.ms, bytes });
    }
    const wait = limit.waitMs();
    assert.ok(wait > 0, 'Refused, and nothing to wait for');
    clock.ms += wait + lateness[turn % lateness.length]!;
  }
  return taken;
}

/** The most within any time of that length: it is enough to look at those that begin with a take. */
function mostWithin(taken: readonly Taken[], ms: number, weigh: (one: Taken) => number): number {
  let [most, sum, first] = [0, 0, 0];
  for (const one of taken) {
    sum += weigh(one);
    while (one.at - taken[first]!.at >= ms) sum -= weigh(taken[first++]!);
    most = Math.max(most, sum);
  }
  return most;
}

const lateness = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 45, noNaN: true }), fc.nat(3000)), {
  minLength: 1,
  maxLength: 10,
});
const sizes = fc.array(fc.nat(5000), { minLength: 1, maxLength: 8 });
const rates = fc.record({
  bytesPerSecond: fc.integer({ min: 100, max: 200_000 }),
  keysPerSecond: fc.integer({ min: 1, max: 300 }),
});

describe('RateLimit', () => {
  test('gives within no second more than the limit, the burst and one key', () => {
    fc.assert(
      fc.property(rates, sizes, lateness, (rates, sizes, lateness) => {
        const clock = new Clock();
        const limit = new RateLimit({ ...rates, now: clock.now });
        const taken = takeAll(limit, clock, 5000, sizes, lateness);
        const share = 1 + BURST_MS / 1000;
        const keys = mostWithin(taken, 1000, () => 1);
        assert.ok(keys <= rates.keysPerSecond * share + 1, `${keys} keys`);
        const bytes = mostWithin(taken, 1000, ({ bytes }) => bytes);
        assert.ok(bytes <= rates.bytesPerSecond * share + Math.max(...sizes) + 1e-3, `${bytes} bytes`);
      }),
    );
  });

  test('gives the full rate in the long run, where nobody is later than the burst lasts', () => {
    const punctual = fc.array(fc.double({ min: 0, max: BURST_MS - 2, noNaN: true }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(rates, sizes, punctual, ({ bytesPerSecond, keysPerSecond }, sizes, lateness) => {
        // The last one may be under way, and late, when the time is over.
        const seconds = 20 - BURST_MS / 1000;
        const taken = (options: RateLimitOptions): Taken[] => {
          const clock = new Clock();
          return takeAll(new RateLimit({ ...options, now: clock.now }), clock, 20_000, sizes, lateness);
        };
        const keys = taken({ keysPerSecond }).length;
        assert.ok(keys > seconds * keysPerSecond - 1, `${keys} keys`);
        // Bytes alone do not limit keys that have none.
        if (Math.max(...sizes) === 0) return;
        const bytes = taken({ bytesPerSecond }).reduce((sum, one) => sum + one.bytes, 0);
        assert.ok(bytes > seconds * bytesPerSecond - Math.max(...sizes), `${bytes} bytes`);
      }),
    );
  });

  test('begins with one key, and goes on at the rate', () => {
    const clock = new Clock();
    const limit = new RateLimit({ keysPerSecond: 100, now: clock.now });
    assert.ok(limit.take(5));
    assert.ok(!limit.take(5));
    assert.equal(limit.waitMs(), 10);
    clock.ms += 9.9;
    assert.ok(!limit.take(5));
    clock.ms += 0.1;
    assert.equal(limit.waitMs(), 0);
    assert.ok(limit.take(5));
    assert.equal(limit.waitMs(), 10);
  });

  test('lets a payload of any size go, and makes the next ones pay for it', () => {
    const clock = new Clock();
    const limit = new RateLimit({ bytesPerSecond: 1000, now: clock.now });
    assert.ok(limit.take(1_000_000));
    assert.equal(limit.waitMs(), 1_000_000);
    clock.ms += 999_999;
    assert.ok(!limit.take(0));
    clock.ms += 1;
    assert.ok(limit.take(1));
  });

  test('saves up no more than the burst in a pause', () => {
    const clock = new Clock();
    const limit = new RateLimit({ bytesPerSecond: 1_000_000, keysPerSecond: 1000, now: clock.now });
    clock.ms += 3_600_000;
    assert.equal(limit.waitMs(), 0);
    let keys = 0;
    while (limit.take(1)) keys++;
    assert.equal(keys, BURST_MS + 1);
  });

  test('refuses nothing without limits', () => {
    const limit = new RateLimit({ now: () => 0 });
    for (let i = 0; i < 1000; i++) assert.ok(limit.take(Number.MAX_SAFE_INTEGER));
    assert.equal(limit.waitMs(), 0);
  });

  test('counts a refused key as not taken', () => {
    const clock = new Clock();
    const limit = new RateLimit({ keysPerSecond: 10, bytesPerSecond: 10, now: clock.now });
    assert.ok(limit.take(1));
    for (let i = 0; i < 100; i++) assert.ok(!limit.take(100));
    assert.equal(limit.waitMs(), 100);
  });

  test('keeps the time of the process by itself', () => {
    const limit = new RateLimit({ keysPerSecond: 1 });
    assert.ok(limit.take(1));
    assert.ok(!limit.take(1));
    assert.ok(limit.waitMs() > 0 && limit.waitMs() <= 1000);
  });
});

test('RateLimit.takeMore() is paid for in bytes, and is no key', () => {
  let now = 0;
  const limit = new RateLimit({ bytesPerSecond: 1000, keysPerSecond: 1, now: () => now });
  assert.equal(limit.take(100), true);
  // The next key has to wait for a second, and the next piece for its bytes.
  assert.deepEqual([limit.waitMs(), limit.waitMoreMs(), limit.takeMore(100)], [1000, 100, false]);
  now = 100;
  assert.deepEqual([limit.takeMore(200), limit.take(1), limit.waitMs()], [true, false, 900]);
});

test('RateLimit.set() holds at once, and leaves what is not named as it was', () => {
  const clock = new Clock();
  const limit = new RateLimit({ keysPerSecond: 1, now: clock.now });
  assert.ok(limit.take(1));
  limit.set({ bytesPerSecond: 1000 });
  assert.deepEqual(limit.rates, { bytesPerSecond: 1000, keysPerSecond: 1 });
  assert.equal(limit.waitMs(), 1000);
  limit.set({ keysPerSecond: 10 });
  assert.equal(limit.waitMs(), 100);
  clock.ms += 50;
  limit.set({ keysPerSecond: 1 });
  // Half a key was still owed.
  assert.equal(limit.waitMs(), 500);
  limit.set({ keysPerSecond: Infinity });
  // Of which the burst is paid.
  assert.deepEqual([limit.waitMs(), limit.take(5000), limit.waitMs()], [0, true, 4950]);
  limit.set({ bytesPerSecond: Infinity });
  assert.deepEqual([limit.waitMs(), limit.isOpen], [0, true]);
});

test('RateLimit gives nothing while the run is paused, with or without limits', () => {
  const pause = new Pause();
  for (const rates of [{}, { keysPerSecond: 10 }]) {
    const limit = new RateLimit({ ...rates, pause, now: () => 0 });
    pause.begin();
    assert.deepEqual([limit.isOpen, limit.take(1), limit.takeMore(1), limit.waitMs()], [false, false, false, Infinity]);
    pause.end();
    assert.deepEqual([limit.take(1), limit.waitMs()], [true, rates.keysPerSecond === undefined ? 0 : 100]);
  }
});

test('Pacer wakes who waits when a pause ends and when a limit is lifted, and keeps no timer in a pause', () => {
  const pause = new Pause();
  const limit = new RateLimit({ keysPerSecond: 0.001, pause, now: () => 0 });
  let turns = 0;
  const pacer = new Pacer(limit, () => turns++);
  pause.begin();
  assert.equal(pacer.mayGo, false);
  pause.end();
  assert.deepEqual([turns, pacer.mayGo], [1, true]);
  pacer.take(1);
  assert.equal(pacer.mayGo, false);
  limit.set({ keysPerSecond: Infinity });
  assert.deepEqual([turns, pacer.mayGo], [2, true]);
  pacer.stop();
});

test('Pacer lets keys go together: it waits for ten of a thousand a second, and none is lost by that', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = new Clock();
  const limit = new RateLimit({ keysPerSecond: 1000, now: clock.now });
  let turns = 0;
  const pacer = new Pacer(limit, () => turns++);
  const takeAll = (): number => {
    let keys = 0;
    for (; pacer.mayGo; keys++) pacer.take(1);
    return keys;
  };
  takeAll();
  clock.ms += 9;
  t.mock.timers.tick(9);
  assert.equal(turns, 0);
  clock.ms += 1;
  t.mock.timers.tick(1);
  assert.deepEqual([turns, takeAll()], [1, 10]);
  pacer.stop();
});

test('takePiece() waits out a pause, and ends with what ends the run', async () => {
  const pause = new Pause();
  const limit = new RateLimit({ pause });
  pause.begin();
  const end = new Error('the end');
  let looks = 0;
  await assert.rejects(
    takePiece(limit, 1, () => {
      if (looks++ === 1) throw end;
    }),
    end,
  );
  const taken = takePiece(limit, 1, () => looks++ === 3 && pause.end());
  await taken;
  assert.equal(pause.isOn, false);
});
