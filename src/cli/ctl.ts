// rump ctl: says one command to a run that listens (--control), and shows what it answers.

import { Connection } from '../../resp/connection.ts';
import { ConnectionError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { CONTROL_COMMANDS } from '../sync/control-commands.ts';
import type { Command, Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { flagsOf } from './flags/options.ts';
import { escapeControls } from '../../resp/escapes.ts';

const HEAD = `Speaks to a run that was started with --control SOCKET. COMMAND is one of

  status [json]      how far it is: phase, keys, bytes, rate, failed, limits
  pause, resume      read and write nothing more; go on
  bwlimit SIZE|0     most bytes a second; 0 is no limit
  tpslimit N|0       most keys a second; 0 is no limit
  maxlatency TIME    longest wait of other clients of the source
  cutover            the writers have stopped: come to the end (--live)
  abort              stop as SIGTERM does, with exit code 75
  help               what this run understands

redis-cli -s SOCKET COMMAND does the same.
`;

const TAIL = `Exit code: 0 it is done, 1 the run refuses, or nobody listens there, 2 the
command line cannot be used.
`;

/** Whoever runs answers at once. */
const PATIENCE_MS = 5000;

export const ctl: Command = {
  name: 'ctl',
  noun: 'ctl',
  help: { summary: 'speaks to a run that has --control', usage: 'SOCKET COMMAND [ARGUMENT]', head: HEAD, tail: TAIL },
  flags: flagsOf([], ['debug']),
  operands: 'anything',
  subcommands: CONTROL_COMMANDS,
  run: runCtl,
};

async function runCtl({ operands }: Request, { stdout }: Program): Promise<ExitCode> {
  const [path, name, ...args] = operands;
  if (path === undefined || name === undefined) {
    const what = path === undefined ? 'the path of a socket' : 'a command';
    throw new UsageError(`Cannot use rump ctl without ${what}`, 'write rump ctl SOCKET status');
  }
  const reply = await ask(path, name, args);
  stdout.write(linesOf(reply));
  return EXIT_CODES.done;
}

async function ask(path: string, name: string, args: readonly string[]): Promise<Reply> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.open({ peer: { path }, connectTimeout: PATIENCE_MS, timeout: PATIENCE_MS });
    return await connection.request(name, ...args);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    const hint = 'it is there while a copy runs that has --control with this path';
    throw new RespError(error.code, error.message, { peer: error.peer, hint, cause: error.cause });
  } finally {
    // Otherwise the process would stay as long as the other side does.
    connection?.close();
  }
}

/** Each with its newline. */
function linesOf(reply: Reply): string {
  if (Array.isArray(reply)) return (reply as readonly Reply[]).map(linesOf).join('');
  const text = String(reply);
  const lines = text.endsWith('\n') ? text.slice(0, -1) : text;
  return lines
    .split('\n')
    .map((line) => `${escapeControls(line)}\n`)
    .join('');
}
