// What a run publishes by node:diagnostics_channel, for programs that watch it from outside: each event, and the error that
// ended it. Where nobody listens nothing is made.

import { channel, type Channel } from 'node:diagnostics_channel';
import { redactAddress } from '../../resp/address.ts';
import type { MigrateEvent } from '../sync/options.ts';
import type { CheckEvent } from './options.ts';

type RunEvent = MigrateEvent | CheckEvent;

/** Which run it is: one object for all messages of a run. */
export interface PublishedRun {
  readonly command: 'copy' | 'check';
  /** The endpoints without their passwords. */
  readonly from: string;
  readonly to: string;
}

/** A message of `rump:start` and of the other channels that have the name of an event. */
export interface PublishedEvent {
  readonly run: PublishedRun;
  readonly event: RunEvent;
}

/** A message of `rump:error`: the run has rejected with it. */
export interface PublishedError {
  readonly run: PublishedRun;
  readonly error: unknown;
}

const CHANNELS: Readonly<Record<RunEvent['type'], Channel>> = {
  start: channel('rump:start'),
  phase: channel('rump:phase'),
  batch: channel('rump:batch'),
  progress: channel('rump:progress'),
  warning: channel('rump:warning'),
  reconnect: channel('rump:reconnect'),
  observed: channel('rump:observed'),
  'key-failed': channel('rump:key-failed'),
  'key-recovered': channel('rump:key-recovered'),
  'dry-run': channel('rump:dry-run'),
  done: channel('rump:done'),
  'check-progress': channel('rump:check-progress'),
  verdict: channel('rump:verdict'),
  recheck: channel('rump:recheck'),
  checked: channel('rump:checked'),
};
const ERRORS = channel('rump:error');

interface Observed<E> {
  readonly from: string;
  readonly to: string;
  readonly onEvent?: ((event: E) => void) | undefined;
}

/** Runs it, and publishes what it tells. */
export async function published<E extends RunEvent, O extends Observed<E>, R>(
  command: PublishedRun['command'],
  options: O & Observed<E>,
  work: (options: O) => Promise<R>,
): Promise<R> {
  const { from, to, onEvent: tell } = options;
  let known: PublishedRun | undefined;
  const run = (): PublishedRun => (known ??= { command, from: redactAddress(from), to: redactAddress(to) });
  const onEvent = (event: E): void => {
    const { [event.type]: events } = CHANNELS;
    if (events.hasSubscribers) events.publish({ run: run(), event } satisfies PublishedEvent);
    tell?.(event);
  };
  try {
    return await work({ ...options, onEvent });
  } catch (error) {
    if (ERRORS.hasSubscribers) ERRORS.publish({ run: run(), error } satisfies PublishedError);
    throw error;
  }
}
