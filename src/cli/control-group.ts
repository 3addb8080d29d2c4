// The runs that listen in one folder, asked side by side over connections that stay, so that whoever is lost is noticed. It
// prints nothing.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../../resp/connection.ts';
import { ConnectionError, ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { StatusReport } from '../sync/controls.ts';
import { NOT_IN_SYNC } from './exit-codes.ts';

/** What one run has answered, or why it has not. */
export type Answer = { readonly socket: string; readonly reply: Reply } | Lost;

/** The name of its socket, and how far it is, or why nobody knows. */
export type RunStatus = { readonly socket: string; readonly status: StatusReport } | Lost;

export interface Lost {
  readonly socket: string;
  readonly error: RespError;
}

interface Run {
  readonly socket: string;
  readonly connection: Connection | RespError;
}

/** Whoever runs answers at once. */
const PATIENCE_MS = 5000;
const POLL_MS = 100;
/** That an error lists. */
const MOST_NAMES = 8;
const MISSING_HINT =
  'start what is missing; where it is done with its cutover already, tell the socket of each that is left';
/** Phases that come behind a cutover: there is nothing left to wait for. */
const PAST_CUTOVER: ReadonlySet<string> = new Set(['cutover', 'lingering', 'comparing']);
/** Without one of these it is no status. */
const FIGURES = ['fraction', 'keys', 'bytes', 'skipped', 'expired', 'failed', 'keysPerSecond', 'bytesPerSecond'];

export class ControlGroup {
  readonly #folder: string;
  readonly #runs = new Map<string, Run>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Speaks to every socket of the folder. @throws RespError where there is none */
  static async open(folder: string): Promise<ControlGroup> {
    const group = new ControlGroup(folder);
    await group.#findOthers();
    if (group.#runs.size > 0) return group;
    throw new RespError('ENOENT', `Cannot speak to the runs in ${folder}: no socket is there`, {
      hint: 'each is there while its copy runs that has --control with a path in this folder',
    });
  }

  close(): void {
    for (const { connection } of this.#runs.values()) if (connection instanceof Connection) connection.close();
  }

  /** Asks all at once; in the order of their names. */
  async ask(words: readonly [string, ...string[]]): Promise<Answer[]> {
    return Promise.all(Array.from(this.#runs.values(), (run) => answerOf(run, words)));
  }

  async statuses(): Promise<RunStatus[]> {
    const answers = await this.ask(['STATUS', 'JSON']);
    return answers.map((answer) => ('error' in answer ? answer : statusOf(answer)));
  }

  /**
   * Resolves once all say so in one round; whoever joins meanwhile is waited for as well.
   * @param patience milliseconds
   * @throws RespError where one is lost, fails or follows nothing, and where it takes too long (`NOT_IN_SYNC`)
   */
  async allInSync(patience: number): Promise<void> {
    const deadline = performance.now() + patience;
    for (;;) {
      await this.#findOthers();
      const statuses = await this.statuses();
      const obstacle = obstacleOf(statuses);
      if (obstacle !== undefined) throw obstacle;
      const waiting = statuses.flatMap((run) => ('status' in run && !isReady(run.status) ? [run] : []));
      if (waiting.length === 0) return;
      if (performance.now() > deadline) throw notInSync(waiting, patience);
      await sleep(POLL_MS);
    }
  }

  /** Those that have come since, as a worker does that was started again under another name. */
  async #findOthers(): Promise<void> {
    const sockets = socketsOf(this.#folder).filter((socket) => !this.#runs.has(socket));
    const runs = await Promise.all(sockets.map(async (socket) => this.#open(socket)));
    for (const run of runs) this.#runs.set(run.socket, run);
  }

  async #open(socket: string): Promise<Run> {
    const peer = { path: join(this.#folder, socket) };
    try {
      return {
        socket,
        connection: await Connection.open({ peer, connectTimeout: PATIENCE_MS, timeout: PATIENCE_MS }),
      };
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      return { socket, connection: whyLost(error) };
    }
  }
}

/** In an order that a person expects: `2` before `10`. @throws RespError where the folder cannot be read */
function socketsOf(folder: string): string[] {
  try {
    const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isSocket());
    const { compare } = new Intl.Collator('en', { numeric: true });
    return names.map(({ name }) => name).toSorted(compare);
  } catch (error) {
    const { code = 'FOLDER', message } = error as NodeJS.ErrnoException;
    throw new RespError(code, `Cannot speak to the runs in ${folder}: ${message}`, { cause: error });
  }
}

async function answerOf({ socket, connection }: Run, words: readonly [string, ...string[]]): Promise<Answer> {
  if (connection instanceof RespError) return { socket, error: connection };
  try {
    return { socket, reply: await connection.request(...words) };
  } catch (error) {
    if (!(error instanceof RespError)) throw error;
    return { socket, error: error instanceof ReplyError ? error : whyLost(error) };
  }
}

/** A dead run leaves its socket behind, one that ends does not. */
function whyLost(error: RespError): RespError {
  if (!(error instanceof ConnectionError)) return error;
  const { code, peer, cause } = error;
  if (code === 'ECONNREFUSED') {
    const hint = 'start it again, or remove the socket if it is not wanted any more';
    return new RespError(code, 'the run that made it is dead', { peer, hint, cause });
  }
  if (code === 'ENOENT') return new RespError(code, 'it has ended', { peer, cause });
  return error;
}

function statusOf({ socket, reply }: { readonly socket: string; readonly reply: Reply }): RunStatus {
  const status = parsed(String(reply)) as Partial<Record<string, unknown>> | null;
  const isStatus =
    typeof status?.['phase'] === 'string' && FIGURES.every((figure) => typeof status[figure] === 'number');
  if (isStatus) return { socket, status: status as unknown as StatusReport };
  return { socket, error: new RespError('NO_STATUS', 'what it says is no status of a run of rump') };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Who is paused comes to no end before somebody lets him go on. */
function isReady({ phase, paused }: StatusReport): boolean {
  return !paused && (phase === 'in-sync' || PAST_CUTOVER.has(phase));
}

/** Why nobody may be told that the writers have stopped. */
function obstacleOf(statuses: readonly RunStatus[]): RespError | undefined {
  const missing = missingParts(statuses);
  for (const run of statuses) {
    const why = 'error' in run ? run.error.message : whyNever(run.status);
    if (why === undefined) continue;
    const hint = 'error' in run ? run.error.hint : undefined;
    return noCutover(`${run.socket}: ${why}`, hint);
  }
  if (missing.length > 0) return noCutover(missingText(missing), MISSING_HINT);
  return haveOnePlan(statuses)
    ? undefined
    : noCutover('the runs have different plans', 'start all of them with one plan');
}

/** @param missing names of parts, one at least */
export function missingText(missing: readonly string[]): string {
  const rest = missing.length > MOST_NAMES ? ` and ${missing.length - MOST_NAMES} more` : '';
  return `no run has ${missing.length === 1 ? 'part' : 'parts'} ${missing.slice(0, MOST_NAMES).join(', ')}${rest}`;
}

function noCutover(why: string, hint: string | undefined): RespError {
  return new RespError('NO_CUTOVER', `Cannot cut over, and nobody was told to: ${why}`, { hint });
}

/** Otherwise a slot may be in no part of them, or in two. */
export function haveOnePlan(statuses: readonly RunStatus[]): boolean {
  const plans = statuses.flatMap((run) => ('status' in run ? [run.status.plan] : []));
  return new Set(plans.filter((plan) => typeof plan === 'string')).size <= 1;
}

/** Where the runs say that they are parts of something, those that nobody says he is. */
export function missingParts(statuses: readonly RunStatus[]): string[] {
  const present = new Set(statuses.flatMap((run) => ('status' in run ? [run.status.partition] : [])));
  const counts = new Set([...present].map((partition) => Number(/^\d+\/(\d{1,5})$/.exec(partition ?? '')?.[1] ?? 0)));
  return [...counts].flatMap((parts) =>
    Array.from({ length: parts }, (_, at) => `${at + 1}/${parts}`).filter((name) => !present.has(name)),
  );
}

function whyNever({ phase, live }: StatusReport): string | undefined {
  if (!live) return 'it has no cutover, as it runs without --live';
  return phase === 'stopping' ? 'it stops before it is done' : undefined;
}

function notInSync(waiting: readonly { socket: string; status: StatusReport }[], patience: number): RespError {
  const who = waiting.map(({ socket, status: { phase, paused } }) => `${socket} (${phase}${paused ? ', paused' : ''})`);
  const message = `Cannot cut over, and nobody was told to: not in sync within ${patience / 1000} s: ${who.join(', ')}`;
  return new RespError(NOT_IN_SYNC, message, { hint: '--cutover-timeout gives them more time' });
}
