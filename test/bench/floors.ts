// What a copy is compared with: the same data brought into an empty target with as little as possible between the servers,
// or by rump from one server to another.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCopy, type CopyCommand, type Usage } from './copy-process.ts';
import { runProcess } from './run-process.ts';
import type { Site } from './site.ts';

export type FloorName = 'a' | 'b' | 'c' | 'd';

export interface FloorCopy {
  readonly source: Site;
  readonly target: Site;
  /** How many keys the target has in the end. */
  readonly keys: number;
  /** The file of RESTORE frames. */
  readonly frames: string;
  readonly command: CopyCommand;
}

export interface Floor {
  readonly title: string;
  /** Resolves when the target has everything; with what rump used, where it is rump that copies. */
  readonly copy: (options: FloorCopy) => Promise<Usage | void>;
}

export const floors: Readonly<Record<FloorName, Floor>> = {
  a: { title: 'redis-cli --pipe', copy: replay },
  b: { title: 'REPLICAOF', copy: replicate },
  c: {
    title: 'a plain copy',
    copy: ({ command, source, target }) => runCopy(command, source, target),
  },
  d: {
    title: '--big-key 1G',
    copy: ({ command: [program, ...args], source, target }) =>
      runCopy([program, ...args, '--big-key', '1G'], source, target),
  },
};

const POLL_MS = 5;
const LONGEST_SYNC_MS = 600_000;

export async function replay({ target, frames }: Pick<FloorCopy, 'target' | 'frames'>): Promise<void> {
  const stdin = openSync(frames, 'r');
  try {
    await runProcess(clientProgram(), ['-p', String(target.port), '--pipe'], { stdin });
  } finally {
    closeSync(stdin);
  }
}

async function replicate({ source, target, keys }: FloorCopy): Promise<void> {
  await target.clients[0]!.send('REPLICAOF', '127.0.0.1', source.port);
  const deadline = Date.now() + LONGEST_SYNC_MS;
  for (;;) {
    const [replication, size] = await target.clients[0]!.pipeline([['INFO', 'replication'], ['DBSIZE']]);
    if (String(replication).includes('master_link_status:up') && size === keys) return;
    if (Date.now() > deadline) throw new Error('The target did not become a replica in time');
    await sleep(POLL_MS);
  }
}

let found: string | undefined;

function clientProgram(): string {
  found ??= ['redis-cli', 'valkey-cli'].find((program) => spawnSync(program, ['--version']).status === 0);
  if (found === undefined) throw new Error('Neither redis-cli nor valkey-cli is on PATH');
  return found;
}
