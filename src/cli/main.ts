#!/usr/bin/env node
// The program: reads the command line, runs the copy, and answers signals. Only here does it exit.

import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { writeError } from '../file/file-error.ts';
import { check } from '../verify/check.ts';
import { migrate } from '../verify/verified.ts';
import { wantsJson } from './arguments.ts';
import { Combined } from './combined.ts';
import { parseCommandLine, type CheckCommand, type CommandLine, type CopyCommand } from './command-line.ts';
import { errorText } from './error-text.ts';
import { EXIT_CODES, exitCodeOf, exitCodeOfError, type ExitCode } from './exit-codes.ts';
import { helpText, usageText } from './help.ts';
import { Interrupted, type StopSignal } from './interrupted.ts';
import { JsonOutput } from './json-output.ts';
import { openOutput } from './open-output.ts';
import type { Outcome } from './outcome.ts';
import type { Output, RunEvent } from './output.ts';
import { readSideFiles } from './side-files.ts';
import { UsageError } from './usage-error.ts';
import { version } from './version.ts';

const { stdout, stderr, env } = process;
const STDIN = 0;
const argv = process.argv.slice(2);
/** Of stdin, stdout and stderr those that are a terminal. */
const TERMINALS = [0, 1, 2].filter((fd) => isatty(fd));
const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const NO_TERMINAL = 'Cannot write the stream to a terminal: its bytes are not for eyes';

let debug = false;
/** stdout is the target. */
let toStdout = false;
/** Both sides are found good for the run. */
let hasBegun = false;
process.on('uncaughtException', (error) => {
  stderr.write(errorText(error, debug));
  process.exit(EXIT_CODES.failed);
});
process.on('exit', letGoOfTerminal);
stdout.on('error', onStdoutError);
stderr.on('error', () => {});

try {
  const code = await run(parseCommandLine(argv, env));
  // A failure to write to stdout stays one.
  process.exitCode ||= code;
} catch (error) {
  // What was thrown before there was an output.
  if (wantsJson(argv, env)) new JsonOutput({ stdout, stderr }, { debug }).finish({ error });
  else stderr.write(errorText(error, debug));
  process.exitCode = exitCodeOfError(error);
}

async function run(commandLine: CommandLine): Promise<ExitCode> {
  switch (commandLine.command) {
    case 'help':
      if (commandLine.asked) stdout.write(helpText(commandLine.about));
      else stderr.write(usageText());
      return commandLine.asked ? EXIT_CODES.done : EXIT_CODES.usage;
    case 'version':
      stdout.write(`rump ${version()}\n`);
      return EXIT_CODES.done;
    case 'check':
      return compare(commandLine);
    default:
      return copy(commandLine);
  }
}

async function copy(command: CopyCommand): Promise<ExitCode> {
  debug = command.debug;
  const options = withFiles(command);
  const { verify } = command;
  const { dryRun = false } = options;
  toStdout = options.to === '-';
  if (toStdout && stdout.isTTY) throw new UsageError(NO_TERMINAL, 'redirect stdout: > f.resp, or | ssh host …');
  const output = openOutput(command.progress, { debug, dryRun, toStdout }, { stdout, stderr }, env);
  tellBefore(command, output);
  const outcome = await interruptible(output, 'copied', async (signal) => {
    const told = { signal, onEvent: (event: RunEvent) => tell(output, event) };
    const { check: found, ...result } = await migrate({ ...options, verify, ...told });
    return { result, check: found };
  });
  output.finish(outcome);
  return exitCodeOf(outcome, hasBegun);
}

async function compare(command: CheckCommand): Promise<ExitCode> {
  debug = command.debug;
  const options = withFiles(command);
  const combined = command.combined === undefined ? undefined : new Combined(command.combined, stdout);
  const asked = { debug, dryRun: false, toStdout: combined?.isStdout === true, task: 'check', combined } as const;
  const output = openOutput(command.progress, asked, { stdout, stderr }, env);
  tellBefore(command, output);
  const outcome = await interruptible(output, 'compared', async (signal) => ({
    check: await check({ ...options, signal, onEvent: (event) => tell(output, event) }),
  }));
  const unwritten = combined?.close(!('error' in outcome));
  output.finish(outcome);
  const code = exitCodeOf(outcome, hasBegun);
  if (unwritten === undefined) return code;
  stderr.write(errorText(unwritten, debug));
  return code || EXIT_CODES.failed;
}

function tell(output: Output, event: RunEvent): void {
  hasBegun ||= event.type === 'start';
  output.onEvent(event);
}

/** What the operator should know, whatever becomes of the run. */
function tellBefore({ warnings, options }: CopyCommand | CheckCommand, output: Output): void {
  for (const message of warnings) output.onEvent({ type: 'warning', code: 'UNKNOWN_VARIABLE', message });
  const readsStdin = options.from === '-' || (options.to === '-' && !toStdout);
  if (readsStdin && isatty(STDIN)) {
    output.onEvent({
      type: 'warning',
      code: 'TERMINAL',
      message: 'waiting for a stream on stdin, which is a terminal',
    });
  }
}

/** What is asked for, with what stands in files. */
function withFiles<C extends CopyCommand | CheckCommand>({ options, fromFiles, toFiles }: C): C['options'] {
  const from = readSideFiles(fromFiles, {
    password: options.fromPassword,
    sentinelPassword: options.fromSentinelPassword,
    tls: options.fromTls,
  });
  const to = readSideFiles(toFiles, {
    password: options.toPassword,
    sentinelPassword: options.toSentinelPassword,
    tls: options.toTls,
  });
  return {
    ...options,
    fromPassword: from.password,
    fromSentinelPassword: from.sentinelPassword,
    fromTls: from.tls,
    toPassword: to.password,
    toSentinelPassword: to.sentinelPassword,
    toTls: to.tls,
  };
}

/**
 * The first signal asks the work to stop and waits for it; the second one does not wait. A terminal that hangs up may say so
 * twice, itself and by its shell, and is in no hurry.
 */
async function interruptible(
  output: Output,
  done: 'copied' | 'compared',
  work: (signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> {
  const controller = new AbortController();
  const onSignal = (signal: StopSignal): void => {
    if (controller.signal.aborted) {
      if (signal === 'SIGHUP') return;
      process.exit(EXIT_CODES[signal]);
    }
    output.onInterrupt(signal);
    controller.abort(new Interrupted(signal, done));
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    return { error };
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  }
}

/** At its end Node puts each terminal back as it was, and aborts over one that has hung up: it must not find that. */
function letGoOfTerminal(): void {
  for (const fd of TERMINALS) if (!isatty(fd)) closeSync(fd);
}

/** Whoever read stdout may go (`rump … | head -1`, a terminal that hangs up): that is no failure. A full disk is. */
function onStdoutError(error: NodeJS.ErrnoException): void {
  if (
    ((error.code === 'EPIPE' || (error.code === 'EIO' && stdout.isTTY)) && !toStdout) ||
    process.exitCode === EXIT_CODES.failed
  )
    return;
  process.exitCode = EXIT_CODES.failed;
  // The copy itself meets an error of its target, and tells of it.
  if (toStdout) return;
  stderr.write(errorText(writeError('stdout', error), debug));
}
