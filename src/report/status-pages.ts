// What is found at each path of a run that is shown: its figures for programs, its state for probes, and a page for people that
// asks for news of itself.

import { createHash } from 'node:crypto';
import { escapeJson } from '../../resp/escapes.ts';
import { healthOf, readinessOf, type Health, type Signs } from './health.ts';
import { METRICS_TYPE, metricsText } from './metrics-text.ts';
import { contentOf, pageOf } from './page.ts';
import type { RunState } from './run-state.ts';
import type { Answer } from './status-server.ts';

const TEXT_TYPE = 'text/plain; charset=utf-8';
const HTML_TYPE = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json';
/** To make what is asked for takes no more than this share of the time, however many ask; what was made is given to all. */
const SHARE = 1 / 50;
/** The longest that it is given, in milliseconds: what took long may not take so again. */
const STALE_MS = 1000;

/** The phase, for the page. */
const PHASE_HEADER = 'Rump-Phase';

/**
 * Runs in the page: asks for its content again and again, and holds still while somebody selects in it, or nobody sees it. What
 * it puts in place is escaped, and has no scripts that the policy would let run.
 */
const SCRIPT = `
const content = document.querySelector('main');
const note = document.createElement('p');
note.setAttribute('role', 'status');
note.hidden = true;
content.before(note);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = () => new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
const put = (html, isLast) => {
  if (isLast || getSelection().isCollapsed) content.innerHTML = html;
};
(async () => {
  for (;;) {
    if (document.hidden) await seen();
    try {
      const response = await fetch('/status', { headers: { Accept: 'text/html', Prefer: 'wait=1' } });
      if (!response.ok) throw new Error(response.statusText);
      const isOver = /^(done|failed)$/.test(response.headers.get('${PHASE_HEADER}'));
      put(await response.text(), isOver);
      document.title = content.querySelector('h1').textContent + ' – rump';
      note.hidden = true;
      if (isOver) return;
    } catch {
      if (note.hidden) note.textContent = 'Not reached since ' + new Date().toLocaleTimeString() + ': this is what was seen last.';
      note.hidden = false;
      await pause(1000);
    }
  }
})();
`;
const POLICY = `default-src 'none'; script-src 'sha256-${digestOf(SCRIPT)}'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'`;

export class StatusPages {
  readonly #state: () => RunState;
  readonly #signs: () => Signs;
  readonly #made = new Map<string, { readonly until: number; readonly body: Buffer }>();

  constructor(state: () => RunState, signs: () => Signs) {
    this.#state = state;
    this.#signs = signs;
  }

  /** @param accept what the client would have @returns `undefined` where there is nothing */
  readonly answer = (path: string, accept: string): Answer | undefined => {
    switch (path) {
      case '/':
        return this.#make(path, HTML_TYPE, (state) => pageOf(state, SCRIPT), POLICY);
      case '/status':
        return accept.includes('text/html')
          ? this.#make('content', HTML_TYPE, contentOf)
          : this.#make(path, JSON_TYPE, (state) => `${escapeJson(JSON.stringify(state))}\n`);
      case '/metrics':
        return this.#make(path, METRICS_TYPE, (state) => metricsText(state));
      case '/healthz':
        return probed(healthOf(this.#state(), this.#signs()));
      case '/readyz':
        return probed(readinessOf(this.#state()));
      default:
        return undefined;
    }
  };

  /** Probes: who is starved of them ends the run. */
  readonly isUrgent = (path: string): boolean => path === '/healthz' || path === '/readyz';

  #make(name: string, type: string, make: (state: RunState) => string, policy?: string): Answer {
    const state = this.#state();
    const now = performance.now();
    let made = this.#made.get(name);
    if (made === undefined || state.outcome !== undefined || now >= made.until) {
      const body = Buffer.from(make(state));
      made = { until: now + Math.min(STALE_MS, (performance.now() - now) / SHARE), body };
      this.#made.set(name, made);
    }
    const headers = { [PHASE_HEADER]: state.phase };
    return { status: 200, type, body: made.body, headers, ...(policy !== undefined && { policy }) };
  }
}

function probed({ isWell, why }: Health): Answer {
  return { status: isWell ? 200 : 503, type: TEXT_TYPE, body: `${isWell ? 'ok' : 'not ok'}: ${why}\n` };
}

function digestOf(script: string): string {
  return createHash('sha256').update(script).digest('base64');
}
