// One run, as its log tells of it (--log, --json): its part, its figures, and how it ended. What the lines hold is not
// trusted: memory has a bound, and what is no event is none.

import { createHash } from 'node:crypto';
import { countOf } from '../../resp/figures.ts';
import type { Figures } from '../sync/options.ts';
import type { CheckFigures } from '../verify/options.ts';
import { differencesOf, isInVain } from './show/texts.ts';

/** Of several workers. */
export interface Part {
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  /** What tells the slots of all parts from those of any other plan; where the log says so. */
  readonly plan: string | undefined;
}

/** A source or a target, as a log tells of it. */
export interface LoggedSide {
  readonly endpoint: string;
  readonly isCluster: boolean;
  /** Two that are the same share some. */
  readonly ids: readonly string[];
}

/** Something that was told several times. */
export interface Told {
  readonly code: string;
  /** As it was told first. */
  readonly message: string;
  count: number;
}

export interface FailedKey {
  readonly db: number;
  /** As `--json` shows it. */
  readonly key: string;
  readonly code: string;
  readonly reason: string;
}

export type CopyFigures = Omit<Figures, 'resumed'> & { readonly stragglers: number; readonly doubtful: number };

/** Of each attempt; the rest is counted. */
export const MOST_KEYS = 20;
/** Codes of warnings and of lost connections. */
const MOST_CODES = 20;
/** Characters of a text that is kept. */
const MOST_TEXT = 300;
/** Ids of a side, and databases. */
const MOST_IDS = 8;
const MOST_DATABASES = 64;
const MOST_FLAGS = 16;
const DIGEST_DIGITS = 8;
const COPY_FIGURES = ['keys', 'bytes', 'converted', 'skipped', 'expired', 'failed', 'reconnects', 'elapsed'] as const;
const LIVE_FIGURES = ['removed', 'stragglers', 'doubtful'] as const;
const CHECK_FIGURES = [
  ...(['match', 'differ', 'sourceOnly', 'targetOnly', 'notComparable', 'expired', 'gone', 'failed'] as const),
  ...(['bytes', 'reconnects', 'elapsed'] as const),
] as const;

type Fields = Readonly<Record<string, unknown>>;

export class Attempt {
  /** Milliseconds since 1970, of its first and its last line. */
  readonly beganAt: number;
  lastAt: number;
  hasStarted = false;
  part: Part | undefined;
  from: string | undefined;
  to: string | undefined;
  source: LoggedSide | undefined;
  target: LoggedSide | undefined;
  /** Source database and target database: the first ones. */
  databases: readonly (readonly [source: number, target: number])[] = [];
  /** What narrows or renames, by flags; `undefined` where the log does not say. */
  scope: ReadonlyMap<string, string> | undefined;
  /** The last ones that were told. */
  copied: CopyFigures | undefined;
  compared: CheckFigures | undefined;
  exitCode: number | undefined;
  error: Told | undefined;
  /** Keys of `failedKeys` and more. */
  keysFailed = 0;
  readonly failedKeys = new Map<string, FailedKey>();
  readonly warnings = new Map<string, Told>();
  readonly losses = new Map<string, Told>();
  #isDone = false;
  #isChecked = false;
  #isDryRun = false;
  /** A check has begun, or the copy has said that one will. */
  #isToCheck = false;

  constructor(at: number) {
    this.beganAt = at;
    this.lastAt = at;
  }

  /** @returns whether it is an event of this attempt: not the first one of the next */
  add(event: string, at: number, fields: Fields): boolean {
    if (!this.#isOneOf(event, fields)) return false;
    this.lastAt = Math.max(at, this.lastAt);
    this.part ??= partOf(fields['partition']);
    this.#note(event, fields);
    return true;
  }

  /** Behind an error comes the exit code at most. */
  #isOneOf(event: string, fields: Fields): boolean {
    if (this.exitCode !== undefined || (this.error !== undefined && event !== 'exit')) return false;
    const isVerify = this.#isDone && fields['verify'] === true;
    if (!this.hasStarted || isVerify) return true;
    // Behind its start a run does not tell its part again.
    return event !== 'start' && fields['partition'] === undefined;
  }

  /** How it has ended; `undefined` where that is well. */
  get fault(): string | undefined {
    if (this.#isDryRun) return 'it was a dry run';
    if (this.error !== undefined) return this.error.message;
    const { copied, compared, exitCode } = this;
    const wrong = this.#whatIsWrong();
    if (wrong !== undefined) return wrong;
    if (exitCode !== undefined && exitCode !== 0) return `it ended with exit code ${exitCode}`;
    const isWhole = copied === undefined ? this.#isChecked : this.#isDone && this.#isChecked === this.#isToCheck;
    if (isWhole && (copied ?? compared) !== undefined) return undefined;
    return 'its log has no end: it was killed, it goes on, or the log could not be written';
  }

  /** Everything was done, but both sides are not the same. */
  get isDifferent(): boolean {
    const { compared, copied } = this;
    if (this.error !== undefined || compared === undefined || !this.#isChecked) return false;
    return differencesOf(compared) > 0 && (copied === undefined || (this.#isDone && leftOf(copied) === undefined));
  }

  #whatIsWrong(): string | undefined {
    const { copied, compared } = this;
    if (this.#isDone && copied !== undefined) {
      const left = leftOf(copied);
      if (left !== undefined) return left;
    }
    if (!this.#isChecked || compared === undefined) return undefined;
    const different = differencesOf(compared);
    if (different > 0) return `${keysText(different, 'is', 'are')} not the same on both sides`;
    const unsure = compared.failed + compared.notComparable;
    return unsure > 0 || isInVain(compared) ? `${countOf(unsure, 'key')} could not be compared` : undefined;
  }

  #note(event: string, fields: Fields): void {
    switch (event) {
      case 'start':
        this.hasStarted = true;
        this.#isToCheck ||= fields['verify'] === true || fields['verifies'] === true;
        this.from = textOf(fields['from']);
        this.to = textOf(fields['to']);
        this.source = sideOf(this.from, fields['source']);
        this.target = sideOf(this.to, fields['target']);
        this.databases = databasesIn(fields['databases']);
        this.scope = scopeIn(fields['scope']);
        break;
      case 'progress':
      case 'done':
        this.copied = copyFiguresOf(fields) ?? this.copied;
        this.#isDone ||= event === 'done';
        break;
      case 'check-progress':
      case 'checked':
        this.#isToCheck = true;
        this.compared = figuresOf(fields, CHECK_FIGURES) ?? this.compared;
        this.#isChecked ||= event === 'checked';
        break;
      case 'dry-run':
        this.#isDryRun = true;
        break;
      case 'key-failed':
        this.#noteFailed(fields);
        break;
      case 'key-recovered':
        this.keysFailed = Math.max(0, this.keysFailed - 1);
        this.failedKeys.delete(nameOf(fields));
        break;
      case 'warning':
        note(this.warnings, fields, fields['message']);
        break;
      case 'reconnect':
        note(this.losses, fields, fields['reason']);
        break;
      case 'error':
        this.error = toldOf(fields, fields['message']);
        break;
      case 'exit':
        this.exitCode = countFrom(fields['exitCode']) ?? 1;
        break;
    }
  }

  #noteFailed(fields: Fields): void {
    this.keysFailed++;
    if (this.failedKeys.size >= MOST_KEYS) return;
    const { code, message: reason } = toldOf(fields, fields['reason']);
    const db = countFrom(fields['db']) ?? 0;
    this.failedKeys.set(nameOf(fields), { db, key: textOf(fields['key']) ?? '', code, reason });
  }
}

/** What a copy that came to its end has left, in words. */
function leftOf({ failed, stragglers, doubtful }: CopyFigures): string | undefined {
  if (failed > 0) return `${keysText(failed, 'was', 'were')} not copied`;
  if (stragglers > 0) return `${keysText(stragglers, 'was', 'were')} written after the cutover`;
  return doubtful > 0 ? `${countOf(doubtful, 'key')} of the target may be its own` : undefined;
}

function keysText(count: number, one: string, several: string): string {
  return `${countOf(count, 'key')} ${count === 1 ? one : several}`;
}

function note(told: Map<string, Told>, fields: Fields, text: unknown): void {
  const { code, message } = toldOf(fields, text);
  const known = told.get(code);
  if (known !== undefined) known.count++;
  else if (told.size < MOST_CODES) told.set(code, { code, message, count: 1 });
}

function toldOf({ code }: Fields, text: unknown): Told {
  return { code: textOf(code) ?? 'UNKNOWN', message: textOf(text) ?? 'nothing was said', count: 1 };
}

function nameOf({ db, key }: Fields): string {
  return `${countFrom(db) ?? 0}:${textOf(key) ?? ''}`;
}

function partOf(value: unknown): Part | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { part, parts, plan } = value as Fields;
  if (!Number.isSafeInteger(part) || !Number.isSafeInteger(parts)) return undefined;
  const [number, count] = [part as number, parts as number];
  return number >= 1 && number <= count ? { part: number, parts: count, plan: textOf(plan) } : undefined;
}

function sideOf(endpoint: string | undefined, value: unknown): LoggedSide | undefined {
  if (endpoint === undefined) return undefined;
  const { kind, ids } = (typeof value === 'object' && value !== null ? value : {}) as Fields;
  const texts = arrayOf(ids).slice(0, MOST_IDS).map(textOf);
  return { endpoint, isCluster: kind === 'cluster', ids: texts.filter((text) => text !== undefined) };
}

function databasesIn(value: unknown): (readonly [number, number])[] {
  return arrayOf(value)
    .slice(0, MOST_DATABASES)
    .flatMap((pair) => {
      const [from, to] = arrayOf(pair).map(countFrom);
      return from === undefined || to === undefined ? [] : [[from, to] as const];
    });
}

function scopeIn(value: unknown): ReadonlyMap<string, string> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const given = Object.entries(value).filter(([, text]) => typeof text === 'string') as [string, string][];
  return new Map(given.slice(0, MOST_FLAGS).map(([flag, text]) => [textOf(flag)!, toldApart(text)]));
}

/** What is too long to be kept is told from others by its digest. */
function toldApart(text: string): string {
  if (text.length <= MOST_TEXT) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST_DIGITS);
  return `${textOf(text)}… (${digest})`;
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function copyFiguresOf(fields: Fields): CopyFigures | undefined {
  const figures = figuresOf(fields, COPY_FIGURES);
  if (figures === undefined) return undefined;
  const live = LIVE_FIGURES.map((name) => [name, countFrom(fields[name]) ?? 0] as const);
  return { ...figures, ...(Object.fromEntries(live) as Record<(typeof LIVE_FIGURES)[number], number>) };
}

/** `undefined` unless all are there. */
function figuresOf<Name extends string>(fields: Fields, names: readonly Name[]): Record<Name, number> | undefined {
  const values = names.map((name) => [name, countFrom(fields[name])] as const);
  if (values.some(([, value]) => value === undefined)) return undefined;
  return Object.fromEntries(values) as Record<Name, number>;
}

function countFrom(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  // A copy: a slice would keep all of the text.
  return value.length <= MOST_TEXT ? value : Buffer.from(value.slice(0, MOST_TEXT), 'utf16le').toString('utf16le');
}
