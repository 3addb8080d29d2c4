// Keys that live shorter than the copy takes, and are renewed all the time: none of them vanishes at the target.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply, TestClient } from '../support/client.ts';
import { FEEDS, Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { RenewingWriter } from '../support/live/writers.ts';
import { startPair } from '../support/server-pair.ts';
import { variants } from '../support/tier.ts';

const FILLING = 9000;
/** The copy takes 3 s, and a key lives for 2.5 s; little is read ahead of what is written. */
const PACE = ['--tpslimit', '3000', '--buffer', '64k'];
const LOOK_MS = 20;
const NAMES = Array.from({ length: RenewingWriter.keys }, (_, i) => `renewed:${i}`);
const TOKEN = 'token';
/** Of tokens, once all is copied; and so many more as long as a key has not outlived what it had. */
const MOST_ARRIVALS = 8;
const MOST_MORE = 500;

for (const feed of variants(...FEEDS)) {
  test(`No key vanishes that is renewed while it is copied and followed by ${feed}`, async (t) => {
    const { source, from, to, endpoints } = await startPair(t);
    await from.pipeline(Array.from({ length: FILLING }, (_, i) => ['SET', `key:${i}`, i]));
    const side = serverSide(() => source, [0]);
    const router = side.router();
    t.after(() => router.close());
    const writer = new RenewingWriter(router).start();
    while (Number(await from.send('EXISTS', ...NAMES)) < NAMES.length) await sleep(LOOK_MS);

    const run = new Following(t, { endpoints, feed, source: side, args: PACE }).start();
    // It is attached by then.
    while ((await to.send('DBSIZE')) === 0) await sleep(LOOK_MS);
    const first = await expiriesAt(from);
    const renewals = new Renewals(from, to);
    const outlived = new Set<string>();
    let last = Infinity;
    // However slow the machine is: until each has outlived what it had at first, and a while after all is copied.
    while (renewals.arrivals < last || (outlived.size < NAMES.length && renewals.arrivals < last + MOST_MORE)) {
      if (last === Infinity && PHASE.inSync.test(run.running.stderr)) last = renewals.arrivals + MOST_ARRIVALS;
      const { time, expiries } = await renewals.look();
      for (const [index, name] of NAMES.entries())
        if (time > first[index]! && expiries[index]! > time) outlived.add(name);
      assert.deepEqual(renewals.lost, []);
      assert.equal(run.running.child.exitCode, null, run.running.stderr);
      await sleep(LOOK_MS);
    }
    assert.equal(outlived.size, NAMES.length);
    await writer.stop();
    await from.pipeline(NAMES.map((name) => ['PEXPIRE', name, 600_000]));
    run.cutOver();
    assert.equal((await run.done()).code, 0, run.stderr);
    assert.equal(await to.send('EXISTS', ...NAMES), NAMES.length);
  });
}

interface Look {
  /** The target's clock, and when its keys end by it; -2 for those that it does not have. */
  readonly time: number;
  readonly expiries: readonly number[];
}

/**
 * Which renewals the target has to have. A token goes from the source to the target, again and again, each time once it has
 * arrived: so each arrival is of a later round than the one before, but for one that the first copy may have brought. With the
 * third one everything has arrived that was written before the first was sent.
 */
class Renewals {
  /** Names, with what they had and what they should have had. */
  readonly lost: (readonly [name: string, expiry: number, renewed: number])[] = [];
  readonly #from: TestClient;
  readonly #to: TestClient;
  #sent = 0;
  /** Expiries at the source, before each of the last tokens was sent. */
  #before: readonly (readonly number[])[] = [];
  #due: readonly number[] = [];

  constructor(from: TestClient, to: TestClient) {
    this.#from = from;
    this.#to = to;
  }

  get arrivals(): number {
    return this.#sent;
  }

  async look(): Promise<Look> {
    const [token, ...replies] = await this.#to.pipeline([['GET', TOKEN], ...EXPIRIES, ['TIME']]);
    const [seconds, micros] = (replies.pop() as Reply[]).map(Number);
    const [time, expiries] = [seconds! * 1000 + micros! / 1000, replies.map(Number)];
    if (this.#sent === 0 || Number(token) === this.#sent) {
      if (this.#before.length === 3) this.#due = this.#before[2]!;
      this.#before = [await expiriesAt(this.#from), ...this.#before].slice(0, 3);
      await this.#from.send('SET', TOKEN, (this.#sent += 1));
    }
    for (const [index, due] of this.#due.entries()) {
      const expiry = expiries[index]!;
      // What has ended by now may be gone: then rump is that far behind.
      if (expiry < due && due > time) this.lost.push([NAMES[index]!, expiry, due]);
    }
    return { time, expiries };
  }
}

const EXPIRIES = NAMES.map((name) => ['PEXPIRETIME', name]);

async function expiriesAt(client: TestClient): Promise<number[]> {
  return (await client.pipeline(EXPIRIES)).map(Number);
}
