// A run that is started with --metrics, as whoever watches it sees it.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { underWay } from './mid-run.ts';
import { readMetrics, type Metric } from './prometheus.ts';
import { startRump, type RumpOptions, type RunningRump } from './rump.ts';

export interface ShownRump {
  readonly running: RunningRump;
  /** `http://127.0.0.1:PORT/`. */
  readonly url: string;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Got>;
  readonly metrics: () => Promise<ReadonlyMap<string, Metric>>;
  /** Resolves once a look at a path holds. */
  readonly until: (path: string, holds: (got: Got) => boolean) => Promise<Got>;
}

export interface Got {
  readonly status: number;
  readonly body: string;
}

/** It takes as much of a processor to ask. */
const POLL_MS = 15;

/** Starts it at a port that is free. */
export async function startShown(t: TestContext, args: readonly string[], options?: RumpOptions): Promise<ShownRump> {
  const running = startRump([...args, '--metrics', '0'], options);
  t.after(() => running.end());
  let url: string | undefined;
  await underWay(
    running,
    () => (url = /^rump: the run can be seen at (http:\S+)$/m.exec(running.stderr)?.[1]) !== undefined,
  );
  const get: ShownRump['get'] = async (path, headers = {}) => {
    const response = await fetch(new URL(path, url), { headers });
    return { status: response.status, body: await response.text() };
  };
  return {
    running,
    url: url!,
    get,
    async metrics() {
      const { status, body } = await get('/metrics');
      assert.equal(status, 200, body);
      return readMetrics(body);
    },
    async until(path, holds) {
      let got: Got | undefined;
      await underWay(running, async () => holds((got = await get(path))), POLL_MS);
      return got!;
    },
  };
}
