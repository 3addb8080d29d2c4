// Makes the plan of several workers: asks a cluster who serves which slots and how many keys each node holds. It writes nothing.

import { nameOf, RespError } from '../../resp/errors.ts';
import { Secrets } from '../../resp/secrets.ts';
import { isFile } from '../../resp/address.ts';
import { Deployment } from '../cluster/deployment.ts';
import { sharesOf, type WeighedNode } from '../cluster/shares.ts';
import { idsIn, type Node } from '../cluster/topology.ts';
import { formatCount } from '../../resp/figures.ts';
import { SLOTS } from '../cluster/slot.ts';
import type { Reconnect } from '../server/retry.ts';
import { demandRights } from './preflight.ts';
import { secretsOf, sourceSettingsOf, type SourceOptions, type SourceSettings } from './settings.ts';
import { PARTITION, PLAN_FORMAT, type WorkersPlan } from './workers-plan.ts';

export interface PlanOptions extends SourceOptions {
  readonly workers: number;
  /** The version that makes it. */
  readonly version: string;
  readonly onReconnect: (event: Reconnect) => void;
}

interface PlannedNode extends WeighedNode {
  readonly node: Node;
}

/** @throws RespError where the source cannot be reached, or is no cluster; AddressError */
export async function planWorkers({ workers, version, onReconnect, ...options }: PlanOptions): Promise<WorkersPlan> {
  if (workers > SLOTS) {
    const message = `Cannot make a plan for ${formatCount(workers)} workers: a cluster has ${formatCount(SLOTS)} slots`;
    throw new RespError(PARTITION, message);
  }
  const source = await open(sourceSettingsOf(options), onReconnect);
  try {
    // Where they are missing, the other nodes were not asked.
    demandRights({ source, target: undefined }, 'copy');
    const { topology } = source;
    const nodes: readonly PlannedNode[] = topology.nodes.map((node, i) => {
      const { databases, keys } = source.servers[i]!;
      const all = [...databases.values()].reduce((sum, size) => sum + size, 0);
      return { node, slots: topology.slotsOf(node), keys: Math.max(keys, all) };
    });
    const served = nodes.reduce((sum, { slots }) => sum + slots.size, 0);
    if (workers > served)
      throw new RespError(
        PARTITION,
        `Cannot make a plan for ${formatCount(workers)} workers: the cluster serves ${formatCount(served)} slots`,
      );
    const shares = sharesOf(nodes, workers).map((share) => ({
      slots: share.slots.ranges,
      keys: share.keys,
      nodes: share.nodes.map(({ node }) => nameOf(node.peer)),
      ...(share.isCut && { cut: true }),
    }));
    const ids = idsIn(String(source.servers[0]!.topology[1]));
    return { rump: version, plan: PLAN_FORMAT, source: { nodes: ids.toSorted(), slots: SLOTS }, shares };
  } finally {
    source.close();
  }
}

async function open(settings: SourceSettings, onReconnect: (event: Reconnect) => void): Promise<Deployment> {
  const { from, retry, ...access } = settings;
  const { address, shown, password, sentinelPassword, tls, nat } = from;
  if (isFile(address)) throw isNoCluster(shown, 'a file');
  const { username } = address;
  const source = await Deployment.open({
    address,
    access: {
      ...access,
      role: 'source',
      purpose: 'read',
      username,
      password,
      tls,
      secrets: new Secrets(secretsOf(from)),
      probes: [],
    },
    sentinelPassword,
    nat,
    db: 0,
    retry,
    onReconnect,
  });
  if (source.isCluster) return source;
  source.close();
  throw isNoCluster(shown, 'a single server');
}

function isNoCluster(shown: string, what: string): RespError {
  const message = `Cannot make a plan for ${shown}: it is ${what}, and only the slots of a cluster can be shared out`;
  return new RespError(PARTITION, message, { hint: 'copy it with one process' });
}
