// Looks at both servers before anything is written: what must not be, and what the operator should know.

import { nameOf, RespError } from '../../resp/errors.ts';
import type { ExpiryMode } from './expiry.ts';
import type { Server } from './server.ts';

export interface Warning {
  readonly code: 'CLOCK_SKEW' | 'TARGET_NOT_EMPTY' | 'TARGET_MEMORY';
  readonly message: string;
}

/** Above this many milliseconds between the clocks an absolute expiry would be wrong by more than it is worth. */
const MOST_SKEW_MS = 1000;

/** @throws RespError when this copy must not be: `SAME_DATABASE`, `CLUSTER`, `REPLICA`, or the code of the refusal */
export function preflight(source: Server, target: Server): void {
  const [from, to] = [where(source), where(target)];
  for (const [role, server] of [['source', source] as const, ['target', target] as const]) {
    if (server.info.cluster) {
      throw refused(
        'CLUSTER',
        server,
        `Cannot copy: the ${role} ${where(server)} is a cluster node`,
        'only single servers',
      );
    }
  }
  if (isSameDatabase(source, target)) {
    throw refused('SAME_DATABASE', target, `Cannot copy: ${from} and ${to} are the same database ${target.db}`);
  }
  if (target.info.role === 'replica') {
    const hint = 'write to its primary';
    throw refused('REPLICA', target, `Cannot write to ${to}: it is a replica`, hint);
  }
  if (source.refusal) throw refused(source.refusal.code, source, `Cannot read from ${from}: ${source.refusal.message}`);
  if (target.refusal) throw refused(target.refusal.code, target, `Cannot write to ${to}: ${target.refusal.message}`);
}

export function warningsOf(source: Server, target: Server): Warning[] {
  const warnings: Warning[] = [];
  const skew = Math.abs(source.skew - target.skew);
  if (skew > MOST_SKEW_MS) {
    const message = `the clocks are ${(skew / 1000).toFixed(1)} s apart; expiries are carried as the time that is left`;
    warnings.push({ code: 'CLOCK_SKEW', message });
  }
  if (target.keys > 0) {
    const message = `the target database ${target.db} is not empty: it has ${target.keys} keys`;
    warnings.push({ code: 'TARGET_NOT_EMPTY', message });
  }
  const { maxMemory } = target.info;
  if (maxMemory > 0 && maxMemory < source.info.usedMemory) {
    const message = `the target may use ${maxMemory} bytes (maxmemory), the source uses ${source.info.usedMemory}`;
    warnings.push({ code: 'TARGET_MEMORY', message });
  }
  return warnings;
}

export function expiryModeFor(source: Server, target: Server): ExpiryMode {
  const inStep = Math.abs(source.skew - target.skew) <= MOST_SKEW_MS;
  return inStep && source.absoluteExpiry && target.absoluteExpiry ? 'exact' : 'relative';
}

/** The same server process answers by two addresses as well; one that hides its run id is known by its address. */
function isSameDatabase(source: Server, target: Server): boolean {
  const { runId } = source.info;
  const sameServer = runId === '' ? where(source) === where(target) : runId === target.info.runId;
  return sameServer && source.db === target.db;
}

function where({ connection }: Server): string {
  return nameOf(connection.peer);
}

function refused(code: string, server: Server, message: string, hint?: string): RespError {
  return new RespError(code, message, { peer: server.connection.peer, hint });
}
