#!/usr/bin/env node
// The process: parses the command line, runs the command, handles signals. No other file exits or traps signals.

import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { RespError } from '../../resp/errors.ts';
import { writeError } from '../file/regular-file.ts';
import { parseCommandLine, wantsJson } from './command-line.ts';
import type { Program } from './command.ts';
import { COMMANDS } from './commands.ts';
import { EXIT_CODES, exitCodeOfError } from './exit-codes.ts';
import { errorText } from './show/texts.ts';
import { JsonOutput } from './show/json.ts';
import type { StopSignal } from './show/output.ts';

const { stdout, stderr, env } = process;
const argv = process.argv.slice(2);
/** Those of stdin, stdout and stderr that are a terminal. */
const TERMINALS = [0, 1, 2].filter((fd) => isatty(fd));
const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

let debug = false;
/** stdout is the target. */
let toStdout = false;
process.on('uncaughtException', (error) => {
  stderr.write(errorText(error, debug));
  process.exit(EXIT_CODES.failed);
});
process.on('exit', letGoOfTerminal);
stdout.on('error', onStdoutError);
stderr.on('error', () => {});

const program: Program = {
  stdout,
  stderr,
  commands: COMMANDS,
  isStdinTerminal: TERMINALS.includes(0),
  giveStdoutAway() {
    toStdout = true;
  },
  stoppable,
};

let hasEnded = false;
process.on('beforeExit', failUnended);
void main();

async function main(): Promise<void> {
  try {
    const request = parseCommandLine(COMMANDS, argv, env);
    debug = request.values.debug ?? false;
    const code = await request.command.run(request, program);
    // A failed write to stdout has set it already, and stays a failure.
    process.exitCode ||= code;
  } catch (error) {
    fail(error);
  } finally {
    hasEnded = true;
  }
}

/** For what was thrown before there was an output. */
function fail(error: unknown): void {
  if (wantsJson(COMMANDS, argv, env)) new JsonOutput({ stdout, stderr }, { debug }).finish({ error });
  else stderr.write(errorText(error, debug));
  process.exitCode = exitCodeOfError(error);
}

/** Node ends, with exit code 0, where nothing is open that could still settle what is waited for. */
function failUnended(): void {
  if (hasEnded) return;
  hasEnded = true;
  fail(new RespError('UNENDED', 'Cannot come to an end: rump waits for what can no longer happen'));
}

/** A terminal that hangs up may send SIGHUP twice, itself and through its shell: the second one stops nothing at once. */
async function stoppable<T>(
  reasonOf: (signal: StopSignal) => Error,
  work: (signal: AbortSignal) => Promise<T>,
  onInterrupt?: () => void,
): Promise<T> {
  const controller = new AbortController();
  let mayInterrupt = onInterrupt !== undefined;
  const onSignal = (signal: StopSignal): void => {
    if (signal === 'SIGINT' && mayInterrupt && !controller.signal.aborted) {
      mayInterrupt = false;
      onInterrupt!();
    } else if (!controller.signal.aborted) controller.abort(reasonOf(signal));
    else if (signal !== 'SIGHUP') process.exit(EXIT_CODES[signal]);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  }
}

/** On exit Node restores the mode of each terminal, and aborts if one has hung up: that one is closed before. */
function letGoOfTerminal(): void {
  for (const fd of TERMINALS) if (!isatty(fd)) closeSync(fd);
}

/** The reader of stdout may go (`rump … | head -1`, a terminal that hangs up): that is no failure. A full disk is. */
function onStdoutError(error: NodeJS.ErrnoException): void {
  const isReaderGone = error.code === 'EPIPE' || (error.code === 'EIO' && stdout.isTTY);
  if ((isReaderGone && !toStdout) || process.exitCode === EXIT_CODES.failed) return;
  process.exitCode = EXIT_CODES.failed;
  // The copy reports errors of its own target.
  if (toStdout) return;
  stderr.write(errorText(writeError('stdout', error), debug));
}
