#!/usr/bin/env node
// The program: reads the command line, runs the copy, and answers signals. Only here does it exit.

import { migrate } from '../sync/migrate.ts';
import type { MigrateResult } from '../sync/options.ts';
import { parseCommandLine, type CommandLine, type CopyCommand } from './command-line.ts';
import { errorText } from './error-text.ts';
import { EXIT_CODES, exitCodeOf, exitCodeOfError, type ExitCode } from './exit-codes.ts';
import { helpText } from './help.ts';
import { Interrupted, type StopSignal } from './interrupted.ts';
import { openOutput } from './open-output.ts';
import type { Outcome } from './outcome.ts';
import type { Output } from './output.ts';
import { readPasswordFile } from './password-file.ts';
import { version } from './version.ts';

const { stdout, stderr, env } = process;
const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM'];

let debug = false;
process.on('uncaughtException', (error) => {
  stderr.write(errorText(error, debug));
  process.exit(EXIT_CODES.failed);
});
stdout.on('error', onStdoutError);
stderr.on('error', () => {});

try {
  const code = await run(parseCommandLine(process.argv.slice(2), env));
  // A failure to write to stdout stays one.
  process.exitCode ||= code;
} catch (error) {
  stderr.write(errorText(error, debug));
  process.exitCode = exitCodeOfError(error);
}

async function run(commandLine: CommandLine): Promise<ExitCode> {
  switch (commandLine.command) {
    case 'help':
      (commandLine.asked ? stdout : stderr).write(helpText());
      return commandLine.asked ? EXIT_CODES.done : EXIT_CODES.usage;
    case 'version':
      stdout.write(`rump ${version()}\n`);
      return EXIT_CODES.done;
    default:
      return copy(commandLine);
  }
}

async function copy(command: CopyCommand): Promise<ExitCode> {
  debug = command.debug;
  const { options, fromPasswordFile, toPasswordFile } = command;
  const fromPassword = fromPasswordFile === undefined ? options.fromPassword : readPasswordFile(fromPasswordFile);
  const toPassword = toPasswordFile === undefined ? options.toPassword : readPasswordFile(toPasswordFile);
  const output = openOutput(command, { stdout, stderr }, env);
  const outcome = await interruptible(output, (signal) =>
    migrate({ ...options, fromPassword, toPassword, signal, onEvent: (event) => output.onEvent(event) }),
  );
  output.finish(outcome);
  return exitCodeOf(outcome);
}

/** The first signal asks the work to stop and waits for it; the second one does not wait. */
async function interruptible(output: Output, work: (signal: AbortSignal) => Promise<MigrateResult>): Promise<Outcome> {
  const controller = new AbortController();
  const onSignal = (signal: StopSignal): void => {
    if (controller.signal.aborted) process.exit(EXIT_CODES[signal]);
    output.onInterrupt(signal);
    controller.abort(new Interrupted(signal));
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  try {
    return { result: await work(controller.signal) };
  } catch (error) {
    return { error };
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  }
}

/** Whoever read stdout may go (`rump … | head -1`): the copy goes on. A full disk is a failure. */
function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || process.exitCode === EXIT_CODES.failed) return;
  stderr.write(`rump: Cannot write to stdout: ${error.code ?? error.message}\n`);
  process.exitCode = EXIT_CODES.failed;
}
