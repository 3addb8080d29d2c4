// The whole program: reach both ends, look before the first write, let the entries flow, and say how it went.
//
//     source ── read ──▶ channel ──▶ write ── target

import { Channel } from '../channel.ts';
import { depthFor } from '../redis/depth.ts';
import { expiryModeFor, preflight, warningsOf } from '../redis/preflight.ts';
import { openServer, type Server } from '../redis/server.ts';
import { RedisSource } from '../source/redis-source.ts';
import { RedisTarget } from '../target/redis-target.ts';
import { Flow } from './flow.ts';
import type { MigrateOptions, MigrateResult } from './options.ts';
import { Progress } from './progress.ts';
import { settingsOf, type Settings } from './settings.ts';

/**
 * Copies every key of the source database into the target database.
 *
 * Resolves once the whole source was read and every reply is there; `failed` says how many keys are not on the target.
 * Rejects with a RespError when the copy could not begin or not go on, or with the reason of `options.signal`.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const settings = settingsOf(options);
  const from = await openServer(settings.source);
  try {
    const to = await openServer(settings.target);
    try {
      preflight(from, to);
      return await copy(from, to, settings);
    } finally {
      to.connection.close();
    }
  } finally {
    from.connection.close();
  }
}

async function copy(from: Server, to: Server, settings: Settings): Promise<MigrateResult> {
  const { onConflict, count, buffer, signal } = settings;
  const mode = settings.noTtl ? 'dropped' : expiryModeFor(from, to);
  const replace = onConflict === 'replace';
  const maxEntries = depthFor(Math.max(from.roundTrip, to.roundTrip));

  const progress = new Progress(settings, () => source.fraction);
  const source = new RedisSource(from, { mode, count, targetDb: to.db }, progress);
  const channel = new Channel({ maxEntries, maxBytes: buffer });
  const target = new RedisTarget(to, { mode, replace, keys: from.keys, sourceSkew: from.skew }, progress);
  const flow = new Flow(source, channel, target);
  if (settings.failFast) progress.onFirstFailure = (error) => flow.stop(error);

  progress.start(from, to, mode, warningsOf(from, to));
  try {
    await flow.run(signal);
  } catch (error) {
    progress.stop();
    throw error;
  }
  return progress.finish();
}
