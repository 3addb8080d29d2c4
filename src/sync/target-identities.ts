// Which processes of the target have acknowledged what is kept, and why they may have lost it since.

import { nameOf } from '../../resp/errors.ts';
import type { Checkpoint, TargetIdentity } from '../checkpoint/checkpoint.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { askFlushes, flushesBetween } from '../server/flushes.ts';
import { wasReplica } from '../server/info.ts';
import type { WrittenProcess } from '../target/target-process.ts';

/**
 * Why the target may have lost what it acknowledged, if it may.
 * @param isInside whether the checkpoint was at the target: then a node that came back with older data has an older one
 */
export async function lossOf(
  { targets }: Checkpoint,
  target: Deployment,
  isInside: boolean,
): Promise<string | undefined> {
  for (const before of targets) {
    const server = target.servers[target.topology.nodes.findIndex(({ id }) => id === before.id)];
    const where = `the target ${before.address}`;
    if (server === undefined) {
      if (isInside) continue;
      return `${where} is no primary any more`;
    }
    const { connection, info } = server;
    const isSame = before.runId !== '' && info.runId === before.runId;
    if (isSame ? info.evictedKeys > before.evictedKeys : isInside && info.evictedKeys > 0)
      return `${where} has evicted keys since the copy began`;
    if (!isSame && isInside) continue;
    if (!isSame) return `${where} was replaced or restarted, or does not say that it was not`;
    const flushes = flushesBetween(before.flushes ?? undefined, await askFlushes(connection));
    if (flushes === undefined) return `${where} does not say whether it was flushed`;
    if (flushes.ofOne + flushes.ofMore > 0) return `${where} was flushed, or databases of it were swapped`;
    if (!isInside && wasReplica(before, info, flushes.demotions)) return `${where} was a replica meanwhile`;
  }
  return undefined;
}

/** Who they are before anything is written. */
export function identitiesOf({ topology, servers }: Deployment): Promise<TargetIdentity[]> {
  const processes = topology.nodes.flatMap(({ id, peer }, i) => {
    const server = servers[i];
    if (server === undefined) return [];
    const flushes = askFlushes(server.connection).catch(() => undefined);
    return [{ id, peer, info: server.info, flushes }];
  });
  return Promise.all(processes.map(identityOf));
}

export async function identityOf({ id, peer, info, flushes }: WrittenProcess): Promise<TargetIdentity> {
  const { runId, replicationId, evictedKeys } = info;
  return { id, address: nameOf(peer), runId, replicationId, evictedKeys, flushes: (await flushes) ?? null };
}
