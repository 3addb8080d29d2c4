// A node that a tracking feed follows, with what it has told.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RespError } from '../../resp/errors.ts';
import { TrackingFeed } from '../../src/live/tracking-feed.ts';
import { openSource, type DeploymentChoice } from './deployment.ts';

const POLL_MS = 2;
const WAIT_MS = 60_000;

/** A feed with what it has told. */
export interface Followed {
  readonly feed: TrackingFeed;
  readonly keys: Set<string>;
  readonly gaps: string[];
  readonly failures: RespError[];
}

export async function follow(t: TestContext, port: number, choice: DeploymentChoice = {}): Promise<Followed> {
  const { deployment, link } = await openSource(port, choice);
  const told = { keys: new Set<string>(), gaps: [] as string[], failures: [] as RespError[] };
  const feed = new TrackingFeed(deployment, deployment.topology.nodes[0]!, link, {
    onChange: (db, key) => {
      assert.equal(db, undefined);
      told.keys.add(key.toString());
    },
    onGap: ({ reason }) => void told.gaps.push(reason),
    onFailed: (error) => void told.failures.push(error),
  });
  t.after(() => {
    feed.detach();
    deployment.close();
  });
  await feed.attach();
  return { feed, ...told };
}

export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !(await condition());) {
    if (Date.now() > deadline) assert.fail(`In vain waited for ${what}`);
    await sleep(POLL_MS);
  }
}
