// What the look at both sides has found, as it is told before the first key.

import { nameOf } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { Server } from '../server/server.ts';
import type { NodeReport, SideReport, StartEvent } from './options.ts';
import type { Plan } from './plan.ts';
import { clockSkewOf, keysIn, targetDatabases } from './preflight.ts';
import type { EndpointSettings, Settings } from './settings.ts';
import type { Sides } from './sides.ts';

export function startEvent(sides: Sides, plan: Plan, { from, to }: Settings): StartEvent {
  const { databases, keys, mode } = plan;
  const { target } = sides;
  const targetKeys =
    target === undefined ? 0 : targetDatabases(target, databases).reduce((total, db) => total + keysIn(target, db), 0);
  const skew = clockSkewOf(sides);
  return {
    type: 'start',
    source: sideReport(from, sides.source, keys),
    target: sideReport(to, target, targetKeys),
    databases,
    clockSkew: Number.isNaN(skew) ? null : Math.round(skew),
    expiry: mode,
  };
}

function sideReport({ shown: endpoint }: EndpointSettings, side: Deployment | undefined, keys: number): SideReport {
  return { endpoint, kind: side?.kind ?? 'file', nodes: side?.servers.map(nodeReport) ?? [], keys };
}

function nodeReport({ connection, info }: Server): NodeReport {
  const { name, version, role, usedMemory, maxMemory } = info;
  return {
    address: nameOf(connection.peer),
    server: `${name} ${connection.secrets.hide(version)}`,
    role,
    usedMemory,
    maxMemory,
  };
}
