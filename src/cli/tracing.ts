// --trace and --record: where what goes over the wire is kept.

import { RespError } from '../../resp/errors.ts';
import { escapeControls } from '../../resp/escapes.ts';
import type { Tap } from '../../resp/tap.ts';
import type { TapMaker } from '../server/server.ts';
import { GrowingFile } from '../trace/growing-file.ts';
import { Recording } from '../trace/recording.ts';
import { Trace } from '../trace/trace.ts';
import type { Program } from './command.ts';
import { UsageError } from './flags/kinds.ts';
import type { OptionName, OptionValues } from './flags/options.ts';

const STDERR = '-';

interface Listener {
  readonly tap: TapMaker;
  readonly close: () => void;
  /** Takes back what was made, as far as nothing is in it. */
  readonly withdraw?: () => void;
}

/**
 * Runs it with what hears every frame, or with nothing where none is asked for.
 * @throws UsageError where a file cannot be made
 */
export async function traced<T>(
  values: OptionValues,
  { stderr }: Pick<Program, 'stderr'>,
  run: (tap: TapMaker | undefined) => Promise<T>,
): Promise<T> {
  const listeners: Listener[] = [];
  try {
    if (values.record !== undefined) listeners.push(recordingOf(values.record, stderr));
    if (values.trace !== undefined) listeners.push(traceOf(values.trace, values, stderr));
    return await run(tapOf(listeners.map(({ tap }) => tap)));
  } catch (error) {
    if (error instanceof UsageError) for (const { withdraw } of listeners) withdraw?.();
    throw error;
  } finally {
    for (const { close } of listeners) close();
  }
}

/** All of them as one; none where there is none. */
export function tapOf(makers: readonly TapMaker[]): TapMaker | undefined {
  if (makers.length < 2) return makers[0];
  return (...connection) => forAll(makers.map((make) => make(...connection)));
}

function forAll(taps: readonly Tap[]): Tap {
  return {
    onSent(bytes) {
      for (const tap of taps) tap.onSent(bytes);
    },
    onReceived(bytes) {
      for (const tap of taps) tap.onReceived(bytes);
    },
    onClosed(reason) {
      for (const tap of taps) tap.onClosed(reason);
    },
  };
}

function traceOf(path: string, values: OptionValues, stderr: Program['stderr']): Listener {
  const onBroken = (error: RespError): void => {
    trace.stop();
    endsHere('the trace', stderr)(error);
  };
  const file = path === STDERR ? undefined : made('trace', () => new GrowingFile(path, onBroken));
  const write = (text: string): void => void (file === undefined ? stderr.write(text) : file.write(Buffer.from(text)));
  const trace = new Trace(write, {
    mostBytes: values['trace-bytes'],
    match: values['trace-match'],
    format: values['trace-format'],
  });
  const close = (): void => {
    trace.close();
    file?.close();
  };
  return { tap: trace.tap, close };
}

function recordingOf(folder: string, stderr: Program['stderr']): Listener {
  const recording = made('record', () => new Recording(folder, endsHere('the recording', stderr)));
  return { tap: recording.tap, close: () => recording.close(), withdraw: () => recording.withdraw() };
}

/** Says once that it cannot be written any more. */
export function endsHere(what: string, stderr: Program['stderr']): (error: RespError) => void {
  return ({ message }) => void stderr.write(`rump: warning: ${what} ends here: ${message}\n`);
}

/** Says at the end of a run that it is not there, or not whole. */
export function tellNotKept(what: string, { message }: Error, stderr: Program['stderr']): void {
  stderr.write(`rump: warning: ${what} of this run is not kept: ${escapeControls(message)}\n`);
}

/** @throws UsageError in place of what the system says */
export function made<T>(flag: OptionName, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw refusal(flag, error);
  }
}

/** The same of what takes its time. @throws UsageError */
export async function madeLater<T>(flag: OptionName, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    throw refusal(flag, error);
  }
}

function refusal(flag: OptionName, error: unknown): unknown {
  if (!(error instanceof RespError)) return error;
  return new UsageError(error.message, error.hint ?? `name another one for --${flag}`, error);
}
