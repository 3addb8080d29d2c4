// What is found at each path of a run that is shown: its figures for programs, its state for probes, and a page for people that
// asks for news of itself.

import { createHash } from 'node:crypto';
import { healthOf, readinessOf, type Health, type Signs } from './health.ts';
import { METRICS_TYPE, metricsText } from './metrics-text.ts';
import { contentOf, pageOf } from './page.ts';
import type { RunState } from './run-state.ts';
import type { Answer } from './status-server.ts';

const TEXT_TYPE = 'text/plain; charset=utf-8';
const HTML_TYPE = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json';
/** Milliseconds for which nothing is made anew, however many ask. */
const FRESH_MS = 200;

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
const put = (html) => {
  if (!getSelection().isCollapsed) return;
  const open = Array.from(content.querySelectorAll('details'), (details) => details.open);
  content.innerHTML = html;
  content.querySelectorAll('details').forEach((details, at) => (details.open = open[at] ?? details.open));
};
(async () => {
  for (;;) {
    if (document.hidden) await seen();
    try {
      const response = await fetch('/status', { headers: { Accept: 'text/html', Prefer: 'wait=1' } });
      if (!response.ok) throw new Error(response.statusText);
      put(await response.text());
      note.hidden = true;
      if (/^(done|failed)$/.test(response.headers.get('${PHASE_HEADER}'))) return;
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
  readonly #made = new Map<string, { readonly at: number; readonly body: Buffer }>();

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
          : this.#make(path, JSON_TYPE, (state) => `${JSON.stringify(state)}\n`);
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

  /** What others were given a moment ago is given again: to ask often costs the run no more. */
  #make(name: string, type: string, make: (state: RunState) => string, policy?: string): Answer {
    const state = this.#state();
    const { now } = this.#signs();
    let made = this.#made.get(name);
    if (made === undefined || state.outcome !== undefined || Math.abs(now - made.at) >= FRESH_MS) {
      made = { at: now, body: Buffer.from(make(state)) };
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
