// --trace: where the frames of a run go.

import { RespError } from '../../resp/errors.ts';
import { Trace, TraceFile } from '../trace/trace.ts';
import type { TapMaker } from '../server/server.ts';
import type { Program } from './command.ts';
import type { OptionValues } from './flags/options.ts';
import { UsageError } from './flags/kinds.ts';

const STDERR = '-';

/**
 * Runs it with what hears every frame, or with nothing where none is asked for.
 * @throws UsageError where the file cannot be made
 */
export async function traced<T>(
  values: OptionValues,
  { stderr }: Pick<Program, 'stderr'>,
  run: (tap: TapMaker | undefined) => Promise<T>,
): Promise<T> {
  if (values.trace === undefined) return run(undefined);
  const onBroken = ({ message }: RespError): void =>
    void stderr.write(`rump: warning: the trace ends here: ${message}\n`);
  const file = values.trace === STDERR ? undefined : openFile(values.trace, onBroken);
  const trace = new Trace(file?.write ?? ((text) => void stderr.write(text)), {
    mostBytes: values['trace-bytes'],
    match: values['trace-match'],
    format: values['trace-format'],
  });
  try {
    return await run(trace.tap);
  } finally {
    trace.close();
    file?.close();
  }
}

function openFile(path: string, onBroken: (error: RespError) => void): TraceFile {
  try {
    return new TraceFile(path, onBroken);
  } catch (error) {
    if (!(error instanceof RespError)) throw error;
    throw new UsageError(error.message, 'name another file for --trace', error);
  }
}
