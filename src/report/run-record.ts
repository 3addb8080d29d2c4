// Hears every event of a run and keeps what is told of it: figures, counts, and of what may go on for days the first ones or the ones
// that stand out. Its memory is bounded, however long the run is.

import { escapeControls, shortKey } from '../../resp/escapes.ts';
import { countOf } from '../../resp/figures.ts';
import { describeReconnect } from '../server/retry.ts';
import { NO_FIGURES } from '../sync/controls.ts';
import type { Figures, KeyFailedEvent, MigrateEvent, ObservedEvent } from '../sync/options.ts';
import type { CheckEvent, CheckFigures, VerdictEvent } from '../verify/options.ts';
import type { Signs } from './health.ts';
import { Phases } from './phases.ts';
import type { Difference, FailedKey, Fault, RunState, SizeOfKey } from './run-state.ts';
import { Samples } from './samples.ts';

type RunEvent = MigrateEvent | CheckEvent;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Of each list. */
const MOST_FAULTS = 200;
const MOST_FAILED = 100;
const MOST_DIFFERENCES = 100;
/** Bytes of a name that are shown, and characters of a sentence: either may be as long as a server likes. */
const LONGEST_KEY = 256;
const LONGEST_TEXT = 2000;

export class RunRecord {
  readonly #state: Mutable<RunState>;
  readonly #warnings: Record<string, number> = {};
  readonly #faults: Fault[] = [];
  readonly #failed: FailedKey[] = [];
  readonly #differences: Difference[] = [];
  #moreDifferences = 0;
  readonly #phases: Phases;
  readonly #samples = new Samples();
  /** Since the sample before. */
  #longestLatency: number | null = null;
  /** As they were told last. */
  #largest: ObservedEvent['largest'] = [];
  #slowest: ObservedEvent['slowest'] = [];
  readonly #now: () => number;
  readonly #clock: () => number;
  #progressAt: number;
  #waitingUntil: number | undefined;

  /**
   * @param about what is known before it begins
   * @param now milliseconds since 1970
   * @param clock milliseconds of a clock that nobody sets
   */
  constructor(
    { version, command, options = [] }: Pick<RunState, 'version' | 'command'> & Partial<Pick<RunState, 'options'>>,
    now: () => number = Date.now,
    clock: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#clock = clock;
    this.#progressAt = clock();
    const at = now();
    this.#phases = new Phases(at);
    this.#state = {
      version,
      command,
      options,
      startedAt: at,
      updatedAt: at,
      lastProgressAt: at,
      phase: 'starting',
      paused: false,
      databases: [],
      clockSkew: null,
      figures: NO_FIGURES,
      isCopied: false,
      reconnects: 0,
      fraction: null,
      latency: null,
      phases: this.#phases.all,
      samples: this.#samples.all,
      types: [],
      largest: [],
      slowest: [],
      faults: this.#faults,
      moreFaults: 0,
      failedKeys: this.#failed,
      moreFailedKeys: 0,
      warnings: this.#warnings,
    };
  }

  get state(): RunState {
    return this.#state;
  }

  /** What tells by the clock that nobody sets whether it goes on. */
  get signs(): Pick<Signs, 'progressAt' | 'waitingUntil'> {
    return { progressAt: this.#progressAt, waitingUntil: this.#waitingUntil };
  }

  onEvent(event: RunEvent): void {
    const state = this.#state;
    const now = this.#now();
    state.updatedAt = now;
    switch (event.type) {
      case 'start': {
        // The check behind a copy begins as well.
        if (state.source !== undefined) {
          state.live = undefined;
          return this.#enter('checking');
        }
        const { type: _, feed, ...found } = event;
        Object.assign(state, { ...found, ...(feed && { feed }) });
        this.#enter(feed !== undefined ? 'attaching' : state.command === 'check' ? 'checking' : 'copying');
        break;
      }
      case 'phase':
        this.#enter(event.phase);
        break;
      case 'batch':
        this.#progress();
        break;
      case 'progress': {
        const { type: _, fraction, live, paused = false, owed, ...figures } = event;
        if (hasMoved(state.figures, figures) || fraction !== state.fraction) this.#progress();
        if (owed !== undefined) this.#wait(owed, 'by --bwlimit or --tpslimit nothing goes before');
        Object.assign(state, { fraction, live, paused });
        this.#copied(figures);
        if (live !== undefined && live.phase !== state.phase) this.#enter(live.phase);
        this.#sample(now);
        break;
      }
      case 'check-progress': {
        const { type: _, fraction, ...figures } = event;
        if (state.phase !== 'checking') this.#enter('checking');
        if (state.check === undefined || hasMoved(state.check.figures, figures) || fraction !== state.fraction)
          this.#progress();
        state.fraction = fraction;
        this.#compared(figures);
        this.#sample(now);
        break;
      }
      case 'observed':
        this.#observed(event);
        break;
      case 'verdict':
        if (event.verdict !== 'match') this.#differs(event);
        break;
      case 'warning':
        this.#warnings[event.code] = (this.#warnings[event.code] ?? 0) + 1;
        this.#fault({ at: now, kind: 'warning', code: event.code, text: event.message });
        break;
      case 'reconnect':
        this.#wait(event.pause, event.reason);
        this.#fault({
          at: now,
          kind: 'reconnect',
          code: event.refused ? 'REFUSED' : 'LOST',
          text: describeReconnect(event),
        });
        break;
      case 'recheck':
        this.#wait(event.pause, `${countOf(event.keys, 'key')} ${event.keys === 1 ? 'differs' : 'differ'} as yet`);
        break;
      case 'key-failed':
        this.#fails(event);
        break;
      case 'key-recovered':
        this.#recovers(event.db, shownKey(event.key));
        break;
      case 'dry-run':
        state.dryRun = event.types;
        break;
      case 'done': {
        const { type: _, ...figures } = event;
        this.#copied(figures);
        state.isCopied = true;
        break;
      }
      case 'checked': {
        const { type: _, ...figures } = event;
        this.#compared(figures);
        break;
      }
      default:
    }
  }

  finish(outcome: NonNullable<RunState['outcome']>): void {
    const now = (this.#state.updatedAt = this.#now());
    this.#sample(now, true);
    this.#state.outcome = outcome;
    this.#enter(outcome.isComplete ? 'done' : 'failed');
  }

  #enter(phase: RunState['phase']): void {
    this.#state.phase = phase;
    this.#phases.enter(phase, this.#now());
    this.#progress();
  }

  #progress(): void {
    this.#state.lastProgressAt = this.#now();
    this.#progressAt = this.#clock();
    this.#state.waiting = undefined;
    this.#waitingUntil = undefined;
  }

  #wait(pause: number, why: string): void {
    this.#state.waiting = { until: this.#now() + pause, why };
    this.#waitingUntil = this.#clock() + pause;
  }

  #sample(at: number, isLast = false): void {
    const { figures, check, live, startedAt } = this.#state;
    const {
      match = 0,
      differ = 0,
      sourceOnly = 0,
      targetOnly = 0,
      notComparable = 0,
      bytes = 0,
    } = check?.figures ?? {};
    const sample = {
      at,
      keys: figures.keys + match + differ + sourceOnly + targetOnly + notComparable,
      bytes: figures.bytes + bytes,
      lag: live?.lag ?? null,
      latency: this.#longestLatency,
      behind: live?.behind ?? null,
    };
    // What an earlier part has done is no speed of this one. And a clock that was put back may stand before the start.
    if (this.#samples.all.length === 0 && figures.resumed !== true && startedAt <= at)
      this.#samples.add({ ...sample, at: startedAt, keys: 0, bytes: 0, lag: null, latency: null, behind: null });
    const isKept = this.#samples.add(sample, isLast);
    if (isKept) this.#longestLatency = null;
  }

  #copied(figures: Figures): void {
    this.#state.figures = figures;
    this.#countReconnects();
  }

  #compared(figures: CheckFigures): void {
    this.#state.check = { figures, differences: this.#differences, moreDifferences: this.#moreDifferences };
    this.#countReconnects();
  }

  #countReconnects(): void {
    const { figures, check } = this.#state;
    this.#state.reconnects = figures.reconnects + (check?.figures.reconnects ?? 0);
  }

  #observed({ types, largest, slowest, latency }: ObservedEvent): void {
    const state = this.#state;
    // A check behind a copy reads the same keys once more.
    if (state.command === 'check' || state.phase !== 'checking') {
      state.types = types;
      // Told ten times a second, and mostly the same.
      if (largest !== this.#largest) state.largest = largest.map(shown);
      if (slowest !== this.#slowest) state.slowest = slowest.map(({ ms, ...key }) => ({ ...shown(key), ms }));
      this.#largest = largest;
      this.#slowest = slowest;
    }
    if (latency === null) return;
    state.latency = latency.latest;
    this.#longestLatency = Math.max(this.#longestLatency ?? 0, latency.longest);
  }

  #fault(fault: Fault): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push({ ...fault, text: cut(fault.text) });
    else this.#state.moreFaults++;
  }

  #fails({ db, key, code, reason }: KeyFailedEvent): void {
    if (this.#failed.length < MOST_FAILED) this.#failed.push({ db, key: shownKey(key), code, reason: cut(reason) });
    else this.#state.moreFailedKeys++;
  }

  #recovers(db: number, key: string): void {
    const at = this.#failed.findIndex((failed) => failed.db === db && failed.key === key);
    if (at >= 0) this.#failed.splice(at, 1);
    else this.#state.moreFailedKeys = Math.max(0, this.#state.moreFailedKeys - 1);
  }

  #differs({ verdict, db, key, targetDb, targetKey, what }: VerdictEvent): void {
    if (verdict === 'match') return;
    const place = verdict === 'targetOnly' ? { db: targetDb, key: shownKey(targetKey) } : { db, key: shownKey(key) };
    if (this.#differences.length < MOST_DIFFERENCES)
      this.#differences.push({ verdict, ...place, ...(what !== undefined && { what: cut(what) }) });
    else this.#moreDifferences++;
    // They may come before its figures are told for the first time, and behind those that were told last.
    if (this.#state.check !== undefined) this.#compared(this.#state.check.figures);
  }
}

function hasMoved(before: Figures | CheckFigures, now: Figures | CheckFigures): boolean {
  return Object.entries(now).some(
    ([name, value]) => name !== 'elapsed' && name !== 'reconnects' && value !== before[name as keyof typeof before],
  );
}

function shown({ db, key, nameBytes, type, bytes }: ObservedEvent['largest'][number]): SizeOfKey {
  return { db, key: shownKey(key, nameBytes), type: escapeControls(type), bytes };
}

function shownKey(key: Buffer, bytes = key.length): string {
  return shortKey(key, LONGEST_KEY, '', bytes);
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}
