// A run as a page that needs nothing else: what it came to, how it went, and what stood out. The same page serves as the report at the
// end and, with a script that fetches its content anew, while the run goes on.

import { formatBytes, formatCount, formatDuration, perSecond } from '../../resp/figures.ts';
import { html, Markup } from './html.ts';
import { endpointOf, faultsSection, momentOf, optionsSection, phasesSection, sidesSection } from './page-about.ts';
import { chartsOf } from './page-charts.ts';
import { PAGE_STYLE } from './page-style.ts';
import { checkSection, failedSection, standoutSections, typesSection } from './page-tables.ts';
import type { RunState } from './run-state.ts';
import { PHASE_NAMES, verdictOf, type Tone } from './verdict.ts';

/** A browser fetches nothing for the page, and runs nothing in it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The body of the page. Everything in it is escaped. */
export function contentOf(state: RunState): string {
  return bodyOf(state).text;
}

/** @param script one that fetches the content anew: whoever serves the page says then what it may do */
export function pageOf(state: RunState, script?: string): string {
  const policy = html`<meta http-equiv="Content-Security-Policy" content="${POLICY}" />`;
  const behind = script !== undefined && new Markup(`<script>${script}</script>`);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        ${script === undefined && policy}
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="color-scheme" content="light dark" />
        <title>${verdictOf(state).title} – rump</title>
        ${STYLE}
      </head>
      <body>
        <main>${bodyOf(state)}</main>
        ${behind}
      </body>
    </html>`;
  return `${page.text}\n`;
}

const STYLE = new Markup(`<style>${PAGE_STYLE}</style>`);

function bodyOf(state: RunState): Markup {
  return html`${headOf(state)} ${failedSection(state)} ${checkSection(state)} ${chartsOf(state)} ${faultsSection(state)}
  ${typesSection(state)} ${standoutSections(state)} ${sidesSection(state)} ${phasesSection(state)}
  ${optionsSection(state)} ${footOf(state)}`;
}

/** Beside their words, as colour alone tells nothing. */
const MARKS: Readonly<Record<Tone, Markup>> = {
  good: html`<path d="M7 12.5l3.5 3.5L17 9" />`,
  bad: html`<path d="M8.5 8.5l7 7m0-7l-7 7" />`,
  warn: html`<path d="M12 7v6m0 3.2v.3" />`,
  busy: html`<path d="M12 7v5.2l3.2 2" />`,
};

function headOf(state: RunState): Markup {
  const { version, command, startedAt, updatedAt, fraction, outcome, figures } = state;
  const { tone, status, title, text, hint } = verdictOf(state);
  const isOver = outcome !== undefined;
  const resumed = figures.resumed === true ? ', which goes on from an earlier part' : '';
  return html`<header>
    <p class="kicker">rump ${version} · ${command === 'check' ? 'a check' : 'a copy'}${resumed}</p>
    <div class="verdict ${tone}">
      <svg
        viewBox="0 0 24 24"
        aria-hidden="true"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        stroke-linecap="round"
        stroke-linejoin="round"
      >
        <circle cx="12" cy="12" r="10.5" />
        ${MARKS[tone]}
      </svg>
      <div>
        <p class="status">${status}</p>
        <h1>${title}</h1>
        ${text !== undefined && html`<p>${text}</p>`} ${hint !== undefined && html`<p><b>What to do:</b> ${hint}</p>`}
      </div>
    </div>
    ${!isOver && fraction !== null && html`<progress max="1" value="${fraction.toFixed(4)}" aria-label="Done so far"></progress>`}
    <dl class="way">
      <dt>From</dt>
      <dd>${endpointOf(state, 'source')}</dd>
      <dt>To</dt>
      <dd>${endpointOf(state, 'target')}</dd>
      <dt>Began</dt>
      <dd>${momentOf(startedAt)}</dd>
      <dt>${isOver ? 'Ended' : 'As of'}</dt>
      <dd>${momentOf(updatedAt)}, after ${formatDuration(updatedAt - startedAt)}</dd>
    </dl>
    ${figuresOf(state)}
  </header>`;
}

/** The few numbers that most come for. */
function figuresOf(state: RunState): Markup | false {
  const { figures, reconnects, check, live, outcome, fraction, command, dryRun } = state;
  if (dryRun !== undefined) return false;
  const { keys, bytes, elapsed, failed, skipped, expired, removed = 0, converted } = figures;
  const copied: Tile[] = [
    ['keys copied', formatCount(keys)],
    ['copied', formatBytes(bytes)],
    ['keys a second', formatCount(perSecond(keys, elapsed))],
    ['keys failed', formatCount(failed)],
    ['skipped', skipped > 0 && formatCount(skipped)],
    ['removed', removed > 0 && formatCount(removed)],
    ['converted', converted > 0 && formatCount(converted)],
    ['expired on the way', expired > 0 && formatCount(expired)],
  ];
  const following: Tile[] = [
    [
      'behind the source',
      live?.lag !== undefined && live.lag !== null && outcome === undefined && formatDuration(live.lag),
    ],
    ['changed keys to come', live !== undefined && outcome === undefined && formatCount(live.behind)],
  ];
  const compared: Tile[] = check === undefined ? [] : comparedTiles(check.figures);
  const done: Tile = ['done', outcome === undefined && fraction !== null && `${Math.floor(fraction * 100)} %`];
  const lost: Tile = ['reconnects', reconnects > 0 && formatCount(reconnects)];
  const tiles = [done, ...following, ...(command === 'copy' ? copied : []), ...compared, lost];
  const shown = tiles.filter(([, value]) => value !== false);
  return html`<dl class="figures">
    ${shown.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

type Tile = readonly [name: string, value: string | false];

function comparedTiles({
  match,
  differ,
  sourceOnly,
  targetOnly,
  failed,
  notComparable,
}: NonNullable<RunState['check']>['figures']): Tile[] {
  const [unsure, different] = [failed + notComparable, differ + sourceOnly + targetOnly];
  return [
    ['compared equal', formatCount(match)],
    ['not the same', formatCount(different)],
    ['not compared', unsure > 0 && formatCount(unsure)],
  ];
}

function footOf({ version, outcome, phase }: RunState): Markup {
  const end = outcome === undefined ? `Phase: ${PHASE_NAMES[phase]}` : `Exit code ${outcome.exitCode}`;
  const needs =
    outcome === undefined ? 'asks the run for news, and nobody else for anything' : 'loads nothing and runs nothing';
  return html`<footer>
    <p>
      ${end}. Made by rump ${version}. This page ${needs}. It holds names of keys and addresses of servers, and no
      values and no passwords: send it on to those who may know them.
    </p>
  </footer>`;
}
