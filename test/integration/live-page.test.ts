// The page of --metrics in a browser, while the run goes on: it moves, a phone can hold it, and no name of a key becomes a part of it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPage } from '../support/browser.ts';
import { HOSTILE_KEYS } from '../support/reported-run.ts';
import { folderOf } from '../support/resp-file.ts';
import { processOf, runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { startShown } from '../support/shown.ts';
import { longOnly } from '../support/tier.ts';

const PHONE = { width: 390, height: 844, isMobile: true };
const TEXT = "document.querySelector('main').innerText";

test('The page follows a run from its first keys to the cutover, on a phone, whatever the keys are called', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const folder = folderOf(t);
  await from.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `key:${i}`, i]));
  for (const client of [from, to]) await client.pipeline(HOSTILE_KEYS.map((key) => ['SET', key, 'x'.repeat(1000)]));
  const moved = join(folder, 'moved');
  const live = ['--live', '--cutover-file', moved, '--linger', '0s', '--on-conflict', 'fail', '--tpslimit', '50'];
  const socket = join(folder, 'run.sock');
  const { running, url } = await startShown(t, [...endpoints, ...live, '--control', socket]);
  const page = await openPage(t, PHONE);
  await page.open(url);
  await page.until(`/copying/i.test(${TEXT})`);
  const copied = `Number(Array.from(document.querySelectorAll('dt')).find((name) => name.innerText.match(/keys copied/i)).nextElementSibling.innerText.replace(/,/g, ''))`;
  const before = await page.run<number>(copied);
  await page.until(`${copied} > ${before}`);
  assert.equal((await runRump(['ctl', socket, 'tpslimit', '0'])).code, 0);
  await page.until(`/in sync/i.test(${TEXT})`);
  await page.until(`${copied} === 1000`);
  await page.until(`/the source's latency/i.test(${TEXT}) && /largest keys/i.test(${TEXT})`);

  // A key that nobody else has is in the list of those that failed, as text.
  await page.until(`${TEXT}.includes(${JSON.stringify(HOSTILE_KEYS[0]!.toString())})`);
  assert.equal(await page.run("document.querySelectorAll('main script, main img').length"), 0);
  assert.ok((await page.run<number>('document.documentElement.scrollWidth')) <= PHONE.width);
  await from.send('SET', 'key:7', 'changed');
  await page.until(`${copied} === 1001`);
  const { SCREENSHOT: picture } = process.env;
  if (picture !== undefined) await page.screenshot(picture);
  writeFileSync(moved, '');
  await page.until(`/exit code 1/i.test(${TEXT})`);
  assert.equal((await running.done).code, 1);
  assert.equal(await page.run('window.broken'), undefined);
  assert.deepEqual(page.complaints, []);
  assert.deepEqual([...new Set(page.requests)], [`${url}status`]);
});

longOnly(() => {
  test('The page says that a run is not reached any more, and keeps what was seen last', async (t) => {
    const { from, endpoints } = await startPair(t);
    await from.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `key:${i}`, i]));
    const { running, url } = await startShown(t, [...endpoints, '--tpslimit', '20']);
    const page = await openPage(t);
    await page.open(url);
    await page.until(`/copying/i.test(${TEXT})`);
    assert.ok(await page.run("document.querySelector('[role=status]').hidden"));
    processOf(running).kill('SIGKILL');
    await page.until("/^Not reached since/.test(document.querySelector('[role=status]').innerText)");
    assert.ok(await page.run(`/copying/i.test(${TEXT})`));
  });
});
