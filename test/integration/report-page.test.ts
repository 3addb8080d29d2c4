// The report in a browser: it loads nothing and runs nothing, whatever keys are called; a phone, the dark and paper can show it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { pageOf } from '../../src/report/page.ts';
import type { RunState } from '../../src/report/run-state.ts';
import { openPage, type BrowserPage, type PageOptions } from '../support/browser.ts';
import { followedRun, HOSTILE_KEYS } from '../support/reported-run.ts';
import { folderOf } from '../support/resp-file.ts';

const FAILED = { exitCode: 1, isComplete: false, text: '10 keys were not copied', hint: 'see <b>why</b>' };
const COMPLETE = { exitCode: 0, isComplete: true, text: '' };
const PHONE = { width: 360, height: 740, isMobile: true } as const;

async function show(t: TestContext, state: RunState, options?: PageOptions): Promise<BrowserPage> {
  const file = join(folderOf(t), 'report.html');
  writeFileSync(file, pageOf(state));
  const page = await openPage(t, options);
  await page.open(pathToFileURL(file).href);
  return page;
}

/**
 * In the page: the least contrast of a text against what lies behind it, as WCAG counts it, and the text that has it.
 */
const LEAST_CONTRAST = `(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((part, i) => part * a + below[i] * (1 - a));
  const backOf = (element) => {
    if (element === null) return [255, 255, 255];
    const color = parse(getComputedStyle(element).backgroundColor);
    return color[3] === 0 ? backOf(element.parentElement) : over(color, backOf(element.parentElement));
  };
  const channel = (part) => (part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let least = { ratio: Infinity, text: '', texts: 0 };
  while (walker.nextNode()) {
    const { parentElement: element, data } = walker.currentNode;
    if (data.trim() === '' || element.closest('svg, style, script') !== null) continue;
    const back = backOf(element);
    const [light, dark] = [luminance(over(parse(getComputedStyle(element).color), back)), luminance(back)].toSorted((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    least = ratio < least.ratio ? { ...least, ratio, text: data } : least;
    least.texts++;
  }
  return least;
})()`;

interface Contrast {
  readonly ratio: number;
  readonly text: string;
  readonly texts: number;
}

test('A report loads nothing and runs nothing, and shows hostile names as text', async (t) => {
  const page = await show(t, followedRun(FAILED));
  assert.deepEqual([page.requests, page.complaints], [[], []]);
  assert.equal(await page.run('window.broken'), undefined);
  assert.equal(
    await page.run("document.querySelectorAll('script, img, iframe, link, object, svg [onload]').length"),
    0,
  );
  const names = await page.run<string[]>(
    "Array.from(document.querySelectorAll('#failed ~ .table td.key'), (cell) => cell.textContent)",
  );
  assert.equal(names.length, HOSTILE_KEYS.length);
  assert.equal(names[0], HOSTILE_KEYS[0]!.toString());
  assert.equal(names[1], HOSTILE_KEYS[1]!.toString());
  // A script that got in all the same would not run.
  await page.run(
    "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.broken = 9' }))",
  );
  assert.equal(await page.run('window.broken'), undefined);
  assert.equal(page.complaints.length, 1);
  assert.match(page.complaints[0]!, /Content Security Policy/);
});

test('A report is read by its headings, and its charts have words', async (t) => {
  const page = await show(t, followedRun(FAILED));
  const headings = await page.run<string[]>(
    "Array.from(document.querySelectorAll('h1, h2'), (heading) => heading.textContent.trim())",
  );
  assert.deepEqual(headings, [
    'Not everything was copied',
    'Keys that failed',
    'The check',
    'Over time',
    'Warnings and faults',
    'Sizes by type',
    'Largest keys',
    'Slowest keys',
    'Both sides',
    'Phases',
    'Options',
  ]);
  const charts = await page.run<string[]>(
    "Array.from(document.querySelectorAll('svg[role=img] > title'), (title) => title.textContent)",
  );
  assert.deepEqual(
    charts.map((text) => text.split(' over ')[0]),
    ['Keys a second', 'Bytes a second', 'Lag of the target', "The source's latency"],
  );
  for (const text of charts) assert.match(text, / over 4 m \d+ s: median .+, highest .+/);
  const lines = await page.run<number>(
    "Array.from(document.querySelectorAll('.line')).filter((line) => line.getBoundingClientRect().height > 20).length",
  );
  assert.ok(lines >= 4, `${lines} lines`);
  const bands = await page.run<string[]>(
    "Array.from(document.querySelectorAll('.chart')[0].querySelectorAll('rect > title'), (title) => title.textContent)",
  );
  assert.deepEqual(bands.filter((band) => ['copying', 'following, in sync', 'comparing'].includes(band)).length, 3);
});

test('A report fits a phone: nothing is wider, and tables scroll by themselves', async (t) => {
  const page = await show(t, followedRun(FAILED), PHONE);
  assert.equal(await page.run('document.documentElement.scrollWidth'), PHONE.width);
  assert.ok(
    await page.run(
      "Array.from(document.querySelectorAll('.table')).some((table) => table.scrollWidth > table.clientWidth)",
    ),
  );
  const smallest = await page.run<number>(
    "Math.min(...Array.from(document.querySelectorAll('p, td, dd, .x span, .y span'), (text) => parseFloat(getComputedStyle(text).fontSize)))",
  );
  assert.ok(smallest >= 12, `${smallest} px`);
  // As some have their letters.
  await page.run("document.documentElement.style.fontSize = '150%'");
  assert.equal(await page.run('document.documentElement.scrollWidth'), PHONE.width);
});

test('A report can be read in the light, in the dark and on paper', async (t) => {
  for (const outcome of [FAILED, COMPLETE, { ...FAILED, exitCode: 130 }, undefined]) {
    const page = await show(t, followedRun(outcome, 10));
    for (const [scheme, media, isDark] of [
      ['light', 'screen', false],
      ['dark', 'screen', true],
      ['dark', 'print', false],
    ] as const) {
      await page.look(scheme, media);
      const { ratio, text, texts } = await page.run<Contrast>(LEAST_CONTRAST);
      assert.ok(texts > 100);
      assert.ok(ratio >= 4.5, `${scheme} ${media}: ${ratio} of "${text}"`);
      const [red] = await page.run<number[]>(
        'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)',
      );
      assert.equal(red! < 100, isDark);
    }
  }
});

test('A report is printed on pages of paper, tables whole', async (t) => {
  const page = await show(t, followedRun(FAILED, 10));
  const paper = (await page.print()).toString('latin1');
  assert.match(paper, /^%PDF-/);
  const pages = paper.match(/\/Type \/Page\b/g)?.length ?? 0;
  assert.ok(pages >= 2 && pages <= 12, `${pages} pages`);
  await page.look('light', 'print');
  assert.equal(await page.run("getComputedStyle(document.querySelector('.table')).overflowX"), 'visible');
});
