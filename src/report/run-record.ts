// Hears every event of a run and keeps what is told of it: figures and counts, in bounded memory.

import type { Figures, MigrateEvent } from '../sync/options.ts';
import type { CheckEvent, CheckFigures } from '../verify/options.ts';
import type { RunState } from './run-state.ts';

type RunEvent = MigrateEvent | CheckEvent;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const NOTHING: Figures = {
  keys: 0,
  bytes: 0,
  converted: 0,
  skipped: 0,
  expired: 0,
  failed: 0,
  reconnects: 0,
  elapsed: 0,
};

export class RunRecord {
  readonly #state: Mutable<RunState>;
  readonly #warnings: Record<string, number> = {};
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor({ version, command }: Pick<RunState, 'version' | 'command'>, now: () => number = Date.now) {
    this.#now = now;
    const at = now();
    this.#state = {
      version,
      command,
      startedAt: at,
      updatedAt: at,
      lastProgressAt: at,
      phase: 'starting',
      paused: false,
      clockSkew: null,
      figures: NOTHING,
      fraction: null,
      latency: null,
      warnings: this.#warnings,
    };
  }

  get state(): RunState {
    return this.#state;
  }

  onEvent(event: RunEvent): void {
    const state = this.#state;
    const now = this.#now();
    state.updatedAt = now;
    switch (event.type) {
      case 'start':
        Object.assign(state, { source: event.source, target: event.target, clockSkew: event.clockSkew });
        this.#enter(event.feed !== undefined ? 'attaching' : state.command === 'check' ? 'checking' : 'copying');
        break;
      case 'phase':
        this.#enter(event.phase);
        break;
      case 'batch':
        this.#progress();
        break;
      case 'progress': {
        const { type: _, fraction, live, paused = false, ...figures } = event;
        if (hasMoved(state.figures, figures) || fraction !== state.fraction) this.#progress();
        Object.assign(state, { fraction, live, paused, figures });
        if (live !== undefined && live.phase !== state.phase) this.#enter(live.phase);
        break;
      }
      case 'check-progress': {
        const { type: _, fraction, ...figures } = event;
        if (state.phase !== 'checking') this.#enter('checking');
        if (state.check === undefined || hasMoved(state.check.figures, figures) || fraction !== state.fraction)
          this.#progress();
        Object.assign(state, { fraction, check: { figures } });
        break;
      }
      case 'warning':
        this.#warnings[event.code] = (this.#warnings[event.code] ?? 0) + 1;
        break;
      case 'reconnect':
        state.waiting = { until: now + event.pause, why: event.reason };
        break;
      case 'recheck':
        state.waiting = { until: now + event.pause, why: `${event.keys} keys differ as yet` };
        break;
      case 'done': {
        const { type: _, ...figures } = event;
        state.figures = figures;
        break;
      }
      default:
    }
  }

  finish(outcome: NonNullable<RunState['outcome']>): void {
    this.#state.updatedAt = this.#now();
    this.#state.outcome = outcome;
    this.#enter(outcome.isComplete ? 'done' : 'failed');
  }

  #enter(phase: RunState['phase']): void {
    this.#state.phase = phase;
    this.#progress();
  }

  #progress(): void {
    this.#state.lastProgressAt = this.#now();
    this.#state.waiting = undefined;
  }
}

function hasMoved(before: Figures | CheckFigures, now: Figures | CheckFigures): boolean {
  return Object.entries(now).some(
    ([name, value]) => name !== 'elapsed' && name !== 'reconnects' && value !== before[name as keyof typeof before],
  );
}
