// rump ctl: says one command to a run that listens (--control), or to all that do in a folder, and shows what they answer.

import { existsSync, statSync } from 'node:fs';
import { Connection } from '../../resp/connection.ts';
import { ConnectionError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Program, Request } from './command.ts';
import { ControlGroup, type Answer, type RunStatus } from './control-group.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { groupStatusJson, groupStatusText } from './group-status.ts';
import { errorText } from './show/texts.ts';
import { escapeControls } from '../../resp/escapes.ts';

/** Whoever runs answers at once. */
const PATIENCE_MS = 5000;
const CUTOVER_MS = 60_000;

export async function runCtl({ operands, values }: Request, program: Program): Promise<ExitCode> {
  const [path, name, ...args] = operands;
  if (path === undefined || name === undefined) {
    const what = path === undefined ? 'the path of a socket' : 'a command';
    throw new UsageError(`Cannot use rump ctl without ${what}`, 'write rump ctl SOCKET status');
  }
  if (isFolder(path)) return tellAll(path, [name, ...args], values['cutover-timeout'] ?? CUTOVER_MS, program);
  const reply = await ask(path, name, args);
  program.stdout.write(linesOf(reply));
  return EXIT_CODES.done;
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** @param patience milliseconds for all to get in sync */
async function tellAll(
  folder: string,
  words: readonly [string, ...string[]],
  patience: number,
  program: Program,
): Promise<ExitCode> {
  const group = await ControlGroup.open(folder);
  try {
    const [name = '', format = '', extra] = words.map((word) => word.toUpperCase());
    if (name === 'STATUS' && (format === '' || format === 'JSON') && extra === undefined)
      return tellStatuses(await group.statuses(), format === 'JSON', program);
    if (name === 'CUTOVER') {
      await group.allInSync(patience);
      program.stdout.write('all in sync\n');
    }
    return tellAnswers(await group.ask(words), program);
  } finally {
    group.close();
  }
}

function tellStatuses(statuses: readonly RunStatus[], isJson: boolean, { stdout }: Program): ExitCode {
  stdout.write(isJson ? groupStatusJson(statuses) : escapedLines(groupStatusText(statuses)));
  return statuses.every((run) => 'status' in run) ? EXIT_CODES.done : EXIT_CODES.failed;
}

/** What was answered goes to stdout; who has not done it is told of behind that. */
function tellAnswers(answers: readonly Answer[], { stdout, stderr }: Program): ExitCode {
  for (const answer of answers) {
    if ('error' in answer) continue;
    const lines = linesOf(answer.reply).trimEnd().split('\n');
    stdout.write(lines.map((line) => `${escapeControls(answer.socket)}: ${line}\n`).join(''));
  }
  const lost = answers.flatMap((answer) => ('error' in answer ? [answer] : []));
  for (const { socket, error } of lost) {
    const { code, message, hint } = error;
    stderr.write(errorText(new RespError(code, `${socket}: ${message}`, { hint }), false));
  }
  return lost.length === 0 ? EXIT_CODES.done : EXIT_CODES.failed;
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
  return escapedLines(text.endsWith('\n') ? text : `${text}\n`);
}

/** @param text lines, each with its newline */
function escapedLines(text: string): string {
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => `${escapeControls(line)}\n`)
    .join('');
}
