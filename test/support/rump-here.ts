// The command line within the process of the test, where nothing of a run but its output and its exit code is looked at, and
// nothing but a first signal reaches it: to start a process takes longer than most runs.
import type { Command, Program } from '../../src/cli/command.ts';
import { parseCommandLine, wantsJson } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { exitCodeOfError } from '../../src/cli/exit-codes.ts';
import { errorText } from '../../src/cli/show/texts.ts';
import { JsonOutput } from '../../src/cli/show/json.ts';
import type { StopSignal, TextStream } from '../../src/cli/show/output.ts';
import type { RumpResult, RunningRump } from './rump.ts';

const LONGEST_MS = 120_000;

/**
 * As `src/cli/main.ts` runs it.
 * @param args none of them stands for stdin or stdout
 * @param env variables of rump, and TMPDIR, which holds for whatever runs at the same time in this process
 */
export function startHere(args: readonly string[], env: Readonly<Record<string, string>>): RunningRump {
  const started = performance.now();
  const [out, err]: [string[], string[]] = [[], []];
  const [stdout, stderr] = [out, err].map((texts) => ({
    write(text: string, onWritten?: () => void) {
      texts.push(text);
      onWritten?.();
    },
  })) as [TextStream, TextStream];
  const stop = new Stop();
  const program: Program = {
    stdout,
    stderr,
    commands: COMMANDS,
    isStdinTerminal: false,
    giveStdoutAway() {},
    stoppable: (reasonOf, work, onInterrupt) => stop.stoppable(reasonOf, work, onInterrupt),
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
  let exitCode: number | null = null;
  const toTheEnd = async (): Promise<RumpResult> => {
    const deadline = setTimeout(() => stop.end(`rump did not end within ${LONGEST_MS} ms`), LONGEST_MS);
    const { TMPDIR: before } = process.env;
    if (env['TMPDIR'] !== undefined) process.env['TMPDIR'] = env['TMPDIR'];
    exitCode = await run().finally(() => {
      clearTimeout(deadline);
      if (env['TMPDIR'] === undefined) return;
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    });
    const elapsed = performance.now() - started;
    return { code: exitCode, signal: null, stdout: out.join(''), stderr: err.join(''), elapsed };
  };
  return {
    get stdout() {
      return out.join('');
    },
    get stderr() {
      return err.join('');
    },
    child: {
      get exitCode() {
        return exitCode;
      },
      signalCode: null,
      kill: (signal) => stop.onSignal(signal),
    },
    end: () => stop.end('The test has ended'),
    done: toTheEnd(),
  };
}

/** What signals do to a run, but for those that end a process at once: a second one, and one that nobody is ready for. */
class Stop {
  readonly #end = new AbortController();
  #onSignal: ((signal: StopSignal) => void) | undefined;

  stoppable: Program['stoppable'] = async (reasonOf, work, onInterrupt) => {
    let mayInterrupt = onInterrupt !== undefined;
    this.#onSignal = (signal) => {
      if (this.#end.signal.aborted) throw new Error('A second signal is for a process');
      if (signal !== 'SIGINT' || !mayInterrupt) return this.#end.abort(reasonOf(signal));
      mayInterrupt = false;
      onInterrupt!();
    };
    try {
      return await work(this.#end.signal);
    } finally {
      this.#onSignal = undefined;
    }
  };

  onSignal(signal: StopSignal): void {
    if (this.#onSignal === undefined) throw new Error('Nobody waits for a signal now: it is for a process');
    this.#onSignal(signal);
  }

  end(why: string): void {
    this.#end.abort(new Error(why));
  }
}
