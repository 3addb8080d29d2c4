// The command line within the process of the test, where nothing of a run but its output and its exit code is looked at:
// to start a process takes longer than most runs.
import type { Command, Program } from '../../src/cli/command.ts';
import { parseCommandLine, wantsJson } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { exitCodeOfError } from '../../src/cli/exit-codes.ts';
import { errorText } from '../../src/cli/show/texts.ts';
import { JsonOutput } from '../../src/cli/show/json.ts';
import type { TextStream } from '../../src/cli/show/output.ts';
import type { RumpResult } from './rump.ts';

const LONGEST_MS = 60_000;

/**
 * As `src/cli/main.ts` runs it.
 * @param args none of them stands for stdin or stdout
 * @param env variables of rump, and TMPDIR, which holds for whatever runs at the same time in this process
 */
export async function runHere(args: readonly string[], env: Readonly<Record<string, string>>): Promise<RumpResult> {
  const started = performance.now();
  const [out, err]: [string[], string[]] = [[], []];
  const [stdout, stderr] = [out, err].map((texts) => ({
    write(text: string, onWritten?: () => void) {
      texts.push(text);
      onWritten?.();
    },
  })) as [TextStream, TextStream];
  const end = new AbortController();
  const program: Program = {
    stdout,
    stderr,
    commands: COMMANDS,
    isStdinTerminal: false,
    giveStdoutAway() {},
    stoppable: (_, work) => work(end.signal),
  };
  let debug = false;
  const run = async (): Promise<number> => {
    try {
      const request = parseCommandLine(COMMANDS, args, env);
      debug = request.values.debug ?? false;
      return await (request.command satisfies Command).run(request, program);
    } catch (error) {
      if (wantsJson(COMMANDS, args, env)) new JsonOutput({ stdout, stderr }, { debug }).finish({ error });
      else stderr.write(errorText(error, debug));
      return exitCodeOfError(error);
    }
  };
  const deadline = setTimeout(() => end.abort(new Error(`rump did not end within ${LONGEST_MS} ms`)), LONGEST_MS);
  const { TMPDIR: before } = process.env;
  if (env['TMPDIR'] !== undefined) process.env['TMPDIR'] = env['TMPDIR'];
  const code = await run().finally(() => {
    clearTimeout(deadline);
    if (env['TMPDIR'] === undefined) return;
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  return { code, signal: null, stdout: out.join(''), stderr: err.join(''), elapsed: performance.now() - started };
}
