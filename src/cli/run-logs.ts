// What the logs of several workers say together: the last attempt of each part, wherever it stands. Files are read line by line,
// and memory has a bound, whatever they hold.

import { createReadStream } from 'node:fs';
import { RespError } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import { openRegular, readError } from '../file/regular-file.ts';
import { Attempt, type Part } from './run-attempt.ts';

export interface LoggedRun {
  /** `2/4`, or the path of the log where it is no part. */
  readonly name: string;
  readonly part: Part | undefined;
  readonly file: string;
  readonly attempt: Attempt;
  /** So many runs of the same part went before it. */
  readonly earlier: number;
}

export interface MergedLogs {
  /** In the order of their parts; those that are no part behind them. */
  readonly runs: readonly LoggedRun[];
  /** Names of parts that no file tells of: the first ones. */
  readonly missing: readonly string[];
  readonly missingCount: number;
  /** Into how many parts the work was cut, as the files say: one answer, or they do not belong together. */
  readonly counts: readonly number[];
  /** How many plans they are of. */
  readonly plans: number;
  /** Parts that two workers had at the same time. */
  readonly overlaps: readonly Overlap[];
  /** Files that tell of no run. */
  readonly others: readonly string[];
  /** Lines that are no events, and those that are longer than any. */
  readonly strange: number;
}

export interface Overlap {
  readonly run: string;
  readonly files: readonly string[];
  /** Whether both came to their end: then each of them has copied all of the part. */
  readonly complete: boolean;
}

/** One run of a part, in milliseconds since 1970. */
interface Span {
  readonly file: string;
  readonly begin: number;
  readonly end: number;
  readonly isComplete: boolean;
}

/** More workers than anybody has. */
const MOST_RUNS = 4096;
const MOST_MISSING = 20;
/** Of each part, that are looked at for others at the same time. */
const MOST_SPANS = 16;
/** Milliseconds: clocks of two machines may be that far apart. */
const MOST_SKEW_MS = 5000;
/** An event takes some hundred bytes; a report of many nodes some thousand. */
const MOST_LINE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export class RunLogs {
  readonly #latest = new Map<string, LoggedRun>();
  readonly #others: string[] = [];
  readonly #spans = new Map<string, Span[]>();
  /** The first two files of each part. */
  readonly #overlaps = new Map<string, Overlap>();
  #strange = 0;

  /** @throws RespError where it cannot be read, or tells of too many runs */
  async read(file: string): Promise<void> {
    let attempt: Attempt | undefined;
    /** The last one that was refused before it began, in a log that tells the part no sooner; and how many were. */
    let refused: Attempt | undefined;
    let refusals = 0;
    const parts = new Map<string, Part>();
    let hasRun = false;
    const settle = (): void => {
      if (attempt === undefined) return;
      hasRun = true;
      const { part } = attempt;
      if (part !== undefined && parts.size < 2) parts.set(nameOf(part), part);
      if (part !== undefined || attempt.hasStarted) this.#keep(file, part, attempt);
      else [refused, refusals] = [attempt, refusals + 1];
    };
    for await (const line of linesOf(file)) {
      const event = line === undefined ? undefined : eventOf(line);
      if (event === undefined) {
        this.#strange++;
        continue;
      }
      if (attempt?.add(event.event, event.at, event.fields) === true) continue;
      settle();
      attempt = new Attempt(event.at);
      attempt.add(event.event, event.at, event.fields);
    }
    settle();
    // It is of the part that the file is about, where that is one.
    const [part] = parts.size === 1 ? parts.values() : [];
    if (refused !== undefined) this.#keep(file, part, refused, refusals);
    if (!hasRun) this.#others.push(file);
  }

  merged(): MergedLogs {
    const runs = [...this.#latest.values()].toSorted(
      ({ part: one, name }, { part: other, name: otherName }) =>
        (one?.parts ?? Infinity) - (other?.parts ?? Infinity) ||
        (one?.part ?? 0) - (other?.part ?? 0) ||
        (name < otherName ? -1 : 1),
    );
    const counts = [...new Set(runs.flatMap(({ part }) => (part === undefined ? [] : [part.parts])))];
    const missing = counts.flatMap((parts) => this.#missingOf(parts));
    const present = runs.filter(({ part }) => part !== undefined).length;
    return {
      runs,
      missing: missing.slice(0, MOST_MISSING),
      missingCount: counts.reduce((sum, count) => sum + count, 0) - present,
      counts,
      plans: new Set(runs.flatMap(({ part }) => part?.plan ?? [])).size,
      overlaps: [...this.#overlaps.values()],
      others: this.#others,
      strange: this.#strange,
    };
  }

  /** A worker that was started again goes on in its file, or has another one: whichever began last counts. @param runs so many, with it */
  #keep(file: string, part: Part | undefined, attempt: Attempt, runs = 1): void {
    const name = part === undefined ? file : nameOf(part);
    const known = this.#latest.get(name);
    if (known === undefined && this.#latest.size >= MOST_RUNS)
      throw new RespError('TOO_MANY_RUNS', `Cannot merge ${file}: there are more than ${formatCount(MOST_RUNS)} runs`);
    const earlier = (known === undefined ? -1 : known.earlier) + runs;
    const isLater = known === undefined || attempt.beganAt >= known.attempt.beganAt;
    if (part !== undefined && attempt.copied !== undefined) this.#noteSpan(name, file, attempt);
    this.#latest.set(name, isLater ? { name, part, file, attempt, earlier } : { ...known, earlier });
  }

  /** Two copies of one part at a time, in different files: in one they could not be told apart. */
  #noteSpan(name: string, file: string, { beganAt: begin, lastAt: end, fault }: Attempt): void {
    const isComplete = fault === undefined;
    const spans = this.#spans.get(name) ?? [];
    const other = spans.find(
      (span) => span.file !== file && Math.min(span.end, end) - Math.max(span.begin, begin) > MOST_SKEW_MS,
    );
    if (other !== undefined && !this.#overlaps.has(name))
      this.#overlaps.set(name, { run: name, files: [other.file, file], complete: isComplete && other.isComplete });
    if (spans.length < MOST_SPANS) spans.push({ file, begin, end, isComplete });
    this.#spans.set(name, spans);
  }

  /** The first ones. */
  #missingOf(parts: number): string[] {
    const missing: string[] = [];
    for (let part = 1; part <= parts && missing.length < MOST_MISSING; part++) {
      const name = nameOf({ part, parts });
      if (!this.#latest.has(name)) missing.push(name);
    }
    return missing;
  }
}

function nameOf({ part, parts }: Pick<Part, 'part' | 'parts'>): string {
  return `${part}/${parts}`;
}

/** Without newlines; `undefined` stands for a line that is too long. */
async function* linesOf(file: string): AsyncGenerator<Buffer | undefined> {
  const { handle } = await openRegular(file);
  let parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of createReadStream('', { fd: handle, autoClose: false }) as AsyncIterable<Buffer>) {
      let begin = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, begin)) {
        length += end - begin;
        parts.push(chunk.subarray(begin, end));
        yield lineOf(parts, length);
        [parts, length, begin] = [[], 0, end + 1];
      }
      length += chunk.length - begin;
      if (length > MOST_LINE_BYTES) parts = [];
      else parts.push(chunk.subarray(begin));
    }
    if (length > 0) yield lineOf(parts, length);
  } catch (error) {
    throw readError(file, error);
  } finally {
    await handle.close().catch(() => {});
  }
}

function lineOf(parts: readonly Buffer[], length: number): Buffer | undefined {
  if (length > MOST_LINE_BYTES) return undefined;
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

interface LoggedEvent {
  readonly event: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

function eventOf(line: Buffer): LoggedEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.toString());
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const fields = parsed as Readonly<Record<string, unknown>>;
  const { event, time } = fields;
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return typeof event === 'string' && Number.isFinite(at) ? { event, at, fields } : undefined;
}
