// Why a run ended that somebody stopped: the reason that the abort signal carries from the command line to the socket.

import { RespError } from '../../resp/errors.ts';

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** `code` is `INTERRUPTED`. */
export class Interrupted extends RespError {
  override readonly name = 'Interrupted';
  readonly signal: StopSignal;

  /** @param done what was to be done with everything */
  constructor(signal: StopSignal, done: 'copied' | 'compared' = 'copied') {
    super('INTERRUPTED', `Stopped by ${nameOfSignal(signal)} before everything was ${done}`);
    this.signal = signal;
  }
}

/** What the operator did, in words. */
export function nameOfSignal(signal: StopSignal): string {
  return signal === 'SIGINT' ? 'Ctrl-C' : signal;
}
