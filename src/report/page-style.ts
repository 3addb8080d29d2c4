// How the page of a run looks: in the light and in the dark, on a phone and on paper. It has no other colours than these, each of
// which can be read on what lies behind it, and nothing is told by colour alone.

const LIGHT = `
  --paper: #fff; --sheet: #f6f7f9; --ink: #14181f; --soft: #535c6b; --rule: #d9dde4; --line: #1f5fae; --area: #1f5fae1f;
  --even: #00000000; --odd: #14181f0d; --bar: #aac6ea; --good: #14692f; --good-sheet: #e5f4e9; --bad: #a3201c; --bad-sheet: #fcebe9;
  --warn: #7a4d00; --warn-sheet: #fdf2dc; --busy: #1f5fae; --busy-sheet: #e8f0fb;`;
const DARK = `
  --paper: #12151b; --sheet: #1b2028; --ink: #eceff4; --soft: #a5afbf; --rule: #343b47; --line: #7db4ff; --area: #7db4ff26;
  --even: #00000000; --odd: #eceff412; --bar: #2f4f7c; --good: #79d694; --good-sheet: #13291b; --bad: #ff9b94; --bad-sheet: #351918;
  --warn: #f0c067; --warn-sheet: #2e2410; --busy: #7db4ff; --busy-sheet: #14243b;`;

export const PAGE_STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; text-size-adjust: 100%; }
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.5rem 3rem; }
h1, h2, h3, p, figure, dl, dd, ul { margin: 0; padding: 0; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.4rem); line-height: 1.15; letter-spacing: -0.015em; font-weight: 700; text-wrap: balance; }
h2 { margin: 3rem 0 0.9rem; font-size: 1.25rem; line-height: 1.3; letter-spacing: -0.005em; }
h3 { font-size: 1rem; }
code, .key { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.9em; overflow-wrap: anywhere; }
.kicker { color: var(--soft); font-size: 0.9rem; margin-bottom: 0.9rem; }
.verdict { --tone: var(--busy); --tone-sheet: var(--busy-sheet); display: flex; gap: 1rem; align-items: flex-start; padding: 1.4rem 1.5rem; border-radius: 0.75rem; background: var(--tone-sheet); border: 1px solid var(--tone); }
.verdict.good { --tone: var(--good); --tone-sheet: var(--good-sheet); }
.verdict.bad { --tone: var(--bad); --tone-sheet: var(--bad-sheet); }
.verdict.warn { --tone: var(--warn); --tone-sheet: var(--warn-sheet); }
.verdict > svg { flex: none; width: 2.4rem; height: 2.4rem; color: var(--tone); }
.verdict > div { min-width: 0; }
.verdict p { margin-top: 0.5rem; overflow-wrap: anywhere; }
.verdict .status { margin: 0 0 0.2rem; color: var(--tone); font-weight: 700; font-size: 0.85rem; letter-spacing: 0.04em; text-transform: uppercase; }
.way { margin: 1.4rem 0 0; display: grid; grid-template-columns: auto 1fr; gap: 0.15rem 1rem; }
.way dt, .facts dt { color: var(--soft); }
.way dd { min-width: 0; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); gap: 1.1rem 1.4rem; margin: 1.8rem 0 0; }
.figures div { display: flex; flex-direction: column-reverse; justify-content: flex-end; padding-left: 0.9rem; border-left: 3px solid var(--rule); }
.figures dt { color: var(--soft); font-size: 0.875rem; }
.figures dd { font-size: 1.35rem; line-height: 1.25; font-weight: 650; white-space: nowrap; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.figures small { font-size: 0.6em; font-weight: 500; color: var(--soft); letter-spacing: 0; }
progress { appearance: none; display: block; width: 100%; height: 0.5rem; margin-top: 1.2rem; border: 0; border-radius: 1rem; overflow: hidden; background: var(--rule); }
progress::-webkit-progress-bar { background: var(--rule); }
progress::-webkit-progress-value { background: var(--line); }
progress::-moz-progress-bar { background: var(--line); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.8rem 2.2rem; }
.chart { min-width: 0; break-inside: avoid; }
.chart figcaption { display: flex; flex-wrap: wrap; gap: 0 0.6rem; align-items: baseline; margin-bottom: 0.4rem; }
.chart figcaption span { color: var(--soft); font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.plot { display: grid; grid-template: auto 9rem 1.5rem / 4.9rem minmax(0, 1fr); }
.bands { grid-area: 1 / 2; position: relative; height: 1.25rem; font-size: 0.75rem; color: var(--soft); }
.bands span { position: absolute; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; padding-left: 0.3rem; border-left: 1px solid var(--rule); }
.bands:empty { display: none; }
.y { grid-area: 2 / 1; position: relative; }
.y span { position: absolute; right: 0.6rem; transform: translateY(50%); font-size: 0.75rem; line-height: 1; color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums; }
.plot > svg { grid-area: 2 / 2; width: 100%; height: 100%; overflow: visible; }
.x { grid-area: 3 / 2; position: relative; }
.x span { position: absolute; top: 0.35rem; transform: translateX(-50%); font-size: 0.75rem; line-height: 1; color: var(--soft); white-space: nowrap; }
.x span:first-child { transform: none; }
.x span:last-child:not(:first-child) { transform: translateX(-75%); }
.band.even { fill: var(--even); } .band.odd { fill: var(--odd); }
.grid { stroke: var(--rule); stroke-width: 1; vector-effect: non-scaling-stroke; }
.line { fill: none; stroke: var(--line); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.area { fill: var(--area); stroke: none; }
.note { color: var(--soft); font-size: 0.875rem; max-width: 46rem; }
.chart .note { margin-top: 0.3rem; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
.side { min-width: 0; padding: 1.1rem 1.2rem; background: var(--sheet); border-radius: 0.75rem; break-inside: avoid; }
.side h3 { color: var(--soft); font-size: 0.875rem; font-weight: 500; }
.side .name { font-weight: 600; overflow-wrap: anywhere; }
.side table { margin-top: 0.6rem; }
.table { overflow-x: auto; max-width: 100%; border-top: 1px solid var(--rule); }
.table:focus-visible { outline: 2px solid var(--line); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.925rem; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 1rem 0.4rem 0; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 500; font-size: 0.85rem; white-space: nowrap; }
tbody th { color: inherit; font-size: inherit; font-weight: 600; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.nowrap { white-space: nowrap; }
td.key { min-width: 11rem; }
.side td.key { min-width: 8rem; }
td.words { min-width: 16rem; overflow-wrap: anywhere; }
td.share { width: 34%; min-width: 6rem; }
td.share span { display: block; height: 0.75rem; margin-top: 0.35rem; min-width: 1px; background: var(--bar); border-radius: 2px; }
caption { text-align: left; }
.more { margin-top: 0.5rem; color: var(--soft); font-size: 0.9rem; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.3rem 1.2rem; font-size: 0.925rem; }
.facts dd { overflow-wrap: anywhere; }
.counts { grid-template-columns: minmax(0, 14rem) minmax(0, 7rem); }
.counts dd { text-align: right; font-variant-numeric: tabular-nums; }
.table + .note { margin-top: 0.6rem; }
.above { margin-top: 1.2rem; }
h3.above { margin-bottom: 0.5rem; }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--rule); color: var(--soft); font-size: 0.875rem; }
body > [role="status"]:not([hidden]) { max-width: 61rem; margin: 1rem auto -1rem; padding: 0.7rem 1rem; border-radius: 0.5rem; background: var(--warn-sheet); color: var(--warn); }
@media (max-width: 40rem) {
  main { padding: 1.4rem 1rem 2rem; }
  .verdict { padding: 1.1rem; gap: 0.8rem; } .verdict > svg { width: 1.8rem; height: 1.8rem; }
  .figures { grid-template-columns: repeat(auto-fill, minmax(min(100%, 8.5rem), 1fr)); gap: 1rem; } .figures dd { font-size: 1.2rem; }
  h2 { margin-top: 2.2rem; }
  .facts:not(.counts) { grid-template-columns: minmax(0, 1fr); gap: 0; } .facts:not(.counts) dd { margin-bottom: 0.6rem; }
}
@media print {
  :root { ${LIGHT} }
  @page { margin: 16mm; }
  :root { font-size: 10pt; }
  body { font-size: 1rem; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 1.6rem; break-after: avoid; }
  .table { overflow: visible; }
  tr, .verdict, .figures { break-inside: avoid; }
  thead { display: table-header-group; }
}
`;
