// Rounds whose keys are answered by hand.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Rounds } from '../../../src/live/rounds.ts';
import { Streams } from '../../../src/live/streams.ts';
import { PageLedger } from '../../../src/scan/page-ledger.ts';

export interface Asked {
  readonly db: number;
  readonly key: string;
  readonly page: number;
}

export interface Bench {
  readonly rounds: Rounds;
  readonly ledger: PageLedger;
  /** Keys that are to be read and were not answered by `settle`. */
  readonly asked: Asked[];
  readonly overflown: string[];
  readonly settle: () => void;
}

interface BenchOptions {
  readonly settleMs?: number;
  readonly mostKeys?: number;
  /** As of `RoundsSink.moveTest`. */
  readonly hasMoved?: (key: Buffer) => boolean;
}

export function bench({ settleMs = 0, mostKeys = 1000, hasMoved }: BenchOptions = {}): Bench {
  const ledger = new PageLedger();
  const asked: Asked[] = [];
  const overflown: string[] = [];
  const options = {
    databases: [0, 3],
    scope: { includes: (key: Buffer) => String(key) !== 'out of scope', isAll: false },
    settle: settleMs,
    streams: new Streams(1000),
    mostKeys,
    mostBytes: 1024 * 1024,
  };
  const rounds = new Rounds(options, ledger, {
    readChanged: (db, key, page) => void asked.push({ db, key: String(key), page }),
    onRound: () => {},
    onOverflow: (key) => void overflown.push(String(key)),
    moveTest: () => hasMoved,
    onWalked: () => {},
  });
  rounds.begin();
  void rounds.run();
  const settle = (): void => {
    for (const { page } of asked.splice(0)) ledger.settle(page);
  };
  return { rounds, ledger, asked, overflown, settle };
}

export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!condition()) {
    assert.ok(performance.now() < end, `it never came to be: ${String(condition)}`);
    await turn();
  }
}
