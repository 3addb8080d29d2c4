// Holds a file for one run: a file beside it says which process has it. Who was killed holds it no more.

import {
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import { CHECKPOINT_TAKEN } from './checkpoint.ts';
import { writeError } from '../file/regular-file.ts';

/** A process, as others can tell whether it is there. */
interface Holder {
  readonly pid: number;
  /** When it began, as the system counts; empty where that is not told. */
  readonly began: string;
  /** Where its number means something. */
  readonly place: string;
}

/** Milliseconds between two touches of the file, by which others tell that its holder is there. */
const TOUCH_MS = 1000;
/** A holder that cannot be seen from here has none of them for so long where it is gone. */
const SILENCE_MS = 5000;
/** Whoever finds it taken by one that is gone tries again so often. */
const MOST_TRIES = 3;
const PRIVATE = 0o600;

export class FileLock {
  readonly #path: string;
  readonly #onExit: () => void;
  readonly #touching: NodeJS.Timeout;

  /**
   * @param silence milliseconds
   * @throws RespError where another run has it, or the folder cannot be written
   */
  static async take(path: string, silence = SILENCE_MS): Promise<FileLock> {
    const lock = `${path}.lock`;
    for (let tries = 1; ; tries++) {
      try {
        writeFileSync(lock, JSON.stringify(self()), { flag: 'wx', mode: PRIVATE });
        return new FileLock(lock);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(path, error);
      }
      const text = textOf(lock);
      if (text !== undefined && (tries > MOST_TRIES || (await isHeld(lock, text, silence))))
        throw isTaken(path, lock, text);
      if (text !== undefined) putAway(lock, text);
    }
  }

  private constructor(path: string) {
    this.#path = path;
    this.#onExit = () => this.release();
    process.once('exit', this.#onExit);
    this.#touching = setInterval(() => touch(path), TOUCH_MS).unref();
  }

  release(): void {
    process.off('exit', this.#onExit);
    clearInterval(this.#touching);
    try {
      if (textOf(this.#path) === JSON.stringify(self())) unlinkSync(this.#path);
    } catch {
      // It is gone already.
    }
  }
}

function touch(path: string): void {
  const now = new Date();
  // Where somebody has removed it, nothing depends on it any more.
  quietly(() => utimesSync(path, now, now));
}

function self(): Holder {
  return { pid: process.pid, began: beginningOf(process.pid) ?? '', place: place() };
}

/** Processes are numbered anew in each container, and each time that a machine starts. */
function place(): string {
  const boot = quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  const numbers = quietly(() => readlinkSync('/proc/self/ns/pid'));
  return [hostname(), boot ?? '', numbers ?? ''].join(' ');
}

/** Behind the name of the program, which may hold anything, it is the twentieth word. */
function beginningOf(pid: number): string | undefined {
  const stat = quietly(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

async function isHeld(lock: string, text: string, silence: number): Promise<boolean> {
  const holder = quietly(() => JSON.parse(text) as Partial<Holder>);
  if (holder === undefined || typeof holder.pid !== 'number') return isTouched(lock, silence);
  if (holder.place !== place()) return isTouched(lock, silence);
  if (!isThere(holder.pid)) return false;
  const began = beginningOf(holder.pid);
  return began === undefined || holder.began === began;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isTouched(lock: string, silence: number): Promise<boolean> {
  const before = quietly(() => statSync(lock).mtimeMs);
  await sleep(silence);
  return quietly(() => statSync(lock).mtimeMs) !== before;
}

/** Where two find the same one at once, only one of them may put it away. */
function putAway(lock: string, text: string): void {
  const aside = `${lock}.${process.pid}`;
  try {
    renameSync(lock, aside);
    // It was another one by then, whose holder is there.
    if (textOf(aside) !== text) quietly(() => linkSync(aside, lock));
    unlinkSync(aside);
  } catch {
    // The other one was first.
  }
}

function textOf(path: string): string | undefined {
  return quietly(() => readFileSync(path, 'utf8'));
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function isTaken(path: string, lock: string, text: string): RespError {
  const { pid } = quietly(() => JSON.parse(text) as Partial<Holder>) ?? {};
  const who = pid === undefined ? 'another run' : `another run (process ${pid})`;
  return new RespError(CHECKPOINT_TAKEN, `Cannot use ${path}: ${who} keeps its progress there`, {
    hint: `wait for it, or name another file; if there is none, remove ${lock}`,
  });
}
