// Reaches both sides: a server, a cluster, or nothing yet where it is a file.

import { isFile } from '../../resp/address.ts';
import { Deployment } from '../cluster/deployment.ts';
import type { Reconnect } from '../server/retry.ts';
import { InputFile } from '../file/input-file.ts';
import { demandWritable } from '../file/output-file.ts';
import { openRegular } from '../file/regular-file.ts';
import { PIECE_BYTES } from '../server/transfer-limits.ts';
import { PROBE_KEY, type Probe, type Purpose } from '../server/probes.ts';
import type { Role } from '../server/server.ts';
import type { Settings } from './settings.ts';

/** `undefined` is a file. */
export interface Sides {
  readonly source: Deployment | undefined;
  readonly target: Deployment | undefined;
}

/**
 * @param onReconnect told while a server is waited for
 * @param purpose what the target is for; a source is always read
 * @param probes what will be asked of the source beyond that
 * @param filePurpose what a file as the target is for
 * @throws RespError, as `Deployment.open`, or for a file that cannot be used
 */
export async function openSides(
  settings: Settings,
  signal: AbortSignal,
  onReconnect: (event: Reconnect) => void,
  purpose: Purpose = 'write',
  probes: readonly Probe[] = [],
  filePurpose: Purpose = purpose,
): Promise<Sides> {
  await demandFiles(settings, filePurpose);
  const kept = keptBytes(settings, purpose);
  const open = (role: Role, purpose: Purpose, probes: readonly Probe[]): Promise<Deployment | undefined> =>
    openSide(role, purpose, settings, { signal, onReconnect, probes, kept });
  const source = await open('source', 'read', [...probesFor(settings), ...probes]);
  try {
    return { source, target: await open('target', purpose, []) };
  } catch (error) {
    source?.close();
    throw error;
  }
}

/** A file that cannot be used is told before any server is asked. What comes through stdin or stdout shows in time. */
async function demandFiles({ from, to }: Settings, purpose: Purpose): Promise<void> {
  if (isNamed(from)) await demandReadable(from);
  if (!isNamed(to)) return;
  await (purpose === 'write' ? demandWritable(to.shown) : demandReadable(to));
}

async function demandReadable({ address, shown }: Settings['from']): Promise<void> {
  if (address.kind === 'stream') return (await InputFile.open(shown)).close();
  // Its own open would unpack all of it where it is packed.
  await (await openRegular(shown)).handle.close();
}

function isNamed({ address }: Settings['from']): boolean {
  return isFile(address) && address.path !== '-';
}

export function closeSides({ source, target }: Sides): void {
  source?.close();
  target?.close();
}

interface OpenOptions {
  readonly signal: AbortSignal;
  readonly onReconnect: (event: Reconnect) => void;
  readonly probes: readonly Probe[];
  /** Bytes of the longest payload that is not read past. */
  readonly kept: number;
}

async function openSide(
  role: Role,
  purpose: Purpose,
  settings: Settings,
  { signal, onReconnect, probes, kept }: OpenOptions,
): Promise<Deployment | undefined> {
  const { address, password, sentinelPassword, tls, nat } = role === 'source' ? settings.from : settings.to;
  if (isFile(address)) return undefined;
  const { username } = address;
  const { timeout, retry, secrets, maxReply } = settings;
  const access = {
    role,
    purpose,
    username,
    password,
    tls,
    timeout,
    signal,
    secrets,
    probes,
    keptBytes: kept,
    maxReply,
  };
  return Deployment.open({ address, access, sentinelPassword, nat, db: firstDb(role, settings), retry, onReconnect });
}

/** A longer payload has no place in memory, and no way into a target. A file takes it whole. */
function keptBytes({ to, bigKey }: Settings, purpose: Purpose): number {
  return to.address.kind === 'stream' && purpose === 'write' ? Infinity : Math.max(bigKey, PIECE_BYTES);
}

/** What is asked of a source beyond what every copy asks. */
function probesFor({ preserveIdle, dryRun }: Settings): readonly Probe[] {
  const probes: Probe[] = [];
  // A filter by type needs no right of its own: servers whose SCAN does not know TYPE know no rights either.
  if (dryRun) probes.push(['TYPE', PROBE_KEY]);
  if (preserveIdle) probes.push(['OBJECT IDLETIME', PROBE_KEY], ['OBJECT FREQ', PROBE_KEY]);
  return probes;
}

/** The database that a connection begins in. */
function firstDb(role: Role, { databases, from, to }: Settings): number {
  if (role === 'source' && Array.isArray(databases)) return databases[0] as number;
  const { address } = role === 'source' ? from : to;
  return ('db' in address ? address.db : undefined) ?? 0;
}
