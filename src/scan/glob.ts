// A pattern of key names by the rules of the servers themselves (stringmatchlen in util.c), compiled once, byte by byte.
// It knows no SCAN.

// Steps from 0 to 255 are that byte; a class is one from CLASS up.
const ANY = 256;
const STAR = 257;
const CLASS = 258;
/** One row of a class table: which bytes are in it. */
const BYTES = 256;

const ASTERISK = '*'.charCodeAt(0);
const QUESTION_MARK = '?'.charCodeAt(0);
const OPENING = '['.charCodeAt(0);
const CLOSING = ']'.charCodeAt(0);
const CARET = '^'.charCodeAt(0);
const HYPHEN = '-'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);

export class Glob {
  /** Whether every key matches, the empty one as well: the servers let it match one star, but not two. */
  readonly isAll: boolean;
  readonly #steps: Uint16Array;
  readonly #classes: Uint8Array;

  constructor(pattern: Buffer) {
    const { steps, classes } = compile(pattern);
    this.#steps = Uint16Array.from(steps);
    this.#classes = new Uint8Array(classes.length * BYTES);
    for (const [row, members] of classes.entries()) this.#classes.set(members, row * BYTES);
    this.isAll = pattern.length === 1 && pattern[0] === ASTERISK;
  }

  /**
   * At worst as many comparisons as pattern and key have bytes, multiplied: a star that leads nowhere gives way to a longer
   * one, and only the last star has to, for what the earlier ones took was the shortest that fits.
   */
  matches(key: Buffer): boolean {
    const steps = this.#steps;
    if (key.length === 0) return this.isAll || steps.length === 0;
    let at = 0;
    let step = 0;
    let resumeAt = 0;
    let resumeStep = -1;
    while (at < key.length) {
      if (step < steps.length && steps[step] === STAR) {
        step++;
        resumeStep = step;
        resumeAt = at;
      } else if (step < steps.length && this.#takes(steps[step]!, key[at]!)) {
        step++;
        at++;
      } else {
        if (resumeStep < 0) return false;
        step = resumeStep;
        at = ++resumeAt;
      }
    }
    while (step < steps.length && steps[step] === STAR) step++;
    return step === steps.length;
  }

  #takes(step: number, byte: number): boolean {
    if (step < ANY) return step === byte;
    return step === ANY || this.#classes[(step - CLASS) * BYTES + byte] === 1;
  }
}

interface Compiled {
  readonly steps: readonly number[];
  /** For each class a row of 0 and 1. */
  readonly classes: readonly Uint8Array[];
}

function compile(pattern: Buffer): Compiled {
  const steps: number[] = [];
  const classes: Uint8Array[] = [];
  let at = 0;
  while (at < pattern.length) {
    const byte = pattern[at]!;
    if (byte === OPENING) {
      const { members, end } = compileClass(pattern, at + 1);
      steps.push(CLASS + classes.length);
      classes.push(members);
      at = end;
      continue;
    }
    if (byte === ASTERISK) {
      steps.push(STAR);
    } else if (byte === QUESTION_MARK) {
      steps.push(ANY);
    } else if (byte === BACKSLASH && at + 1 < pattern.length) {
      at++;
      steps.push(pattern[at]!);
    } else {
      steps.push(byte);
    }
    at++;
  }
  return { steps, classes };
}

/** A class that is never closed ends with the pattern; a `]` behind a hyphen is the end of a range, and closes nothing. */
function compileClass(pattern: Buffer, start: number): { members: Uint8Array; end: number } {
  const listed = new Uint8Array(BYTES);
  const isNegated = pattern[start] === CARET;
  let at = isNegated ? start + 1 : start;
  while (at < pattern.length && pattern[at] !== CLOSING) {
    if (pattern[at] === BACKSLASH && at + 1 < pattern.length) {
      listed[pattern[at + 1]!] = 1;
      at += 2;
    } else if (pattern[at + 1] === HYPHEN && at + 2 < pattern.length) {
      addRange(listed, pattern.readInt8(at), pattern.readInt8(at + 2));
      at += 3;
    } else {
      listed[pattern[at]!] = 1;
      at++;
    }
  }
  return { members: isNegated ? listed.map((is) => 1 - is) : listed, end: at + 1 };
}

/** Bytes above 127 stand below the others here: they are what a `char` of C is on most machines that run a server. */
function addRange(listed: Uint8Array, one: number, other: number): void {
  for (let byte = Math.min(one, other); byte <= Math.max(one, other); byte++) listed[byte & 0xff] = 1;
}
