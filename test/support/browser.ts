// A headless Chromium that tests drive over a pipe, by its DevTools protocol: pages, what they ask the network for, and how they look.
// One for all tests of a process; it ends with that.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Readable, Writable } from 'node:stream';
import { killAtExit } from './kill-at-exit.ts';

/** Debian's names first; any will do. */
const NAMES = ['chromium-headless-shell', 'chrome-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
const FLAGS = [
  '--headless',
  '--remote-debugging-pipe',
  // Tests run as root in containers, whose shared memory is small.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  '--force-color-profile=srgb',
];
const POLL_MS = 20;
const PATIENCE_MS = 60_000;

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly media?: 'screen' | 'print';
  readonly isMobile?: boolean;
}

type Params = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: Params;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly resolve: (result: Params) => void;
  readonly reject: (error: Error) => void;
}

class Browser {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #pages = new Map<string, (method: string, params: Params) => void>();
  #sent = 0;
  #parts: Buffer[] = [];

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'rump-browser-'));
    const args = [...FLAGS, `--user-data-dir=${folder}`, 'about:blank'];
    this.#child = spawn(programOnPath(), args, {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    killAtExit(this.#child, folder, true);
    (this.#child.stdio[4] as Readable).on('data', (bytes: Buffer) => this.#onData(bytes));
    this.#child.once('exit', () => this.#fail(new Error('The browser has ended')));
    this.#child.once('error', (error) => this.#fail(error));
    // It is there as long as the tests are, and does not keep them.
    this.#child.unref();
    for (const stream of this.#child.stdio) (stream as { unref?: () => void } | null)?.unref?.();
  }

  async send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    const id = ++this.#sent;
    const answer = new Promise<Params>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    // Nothing else of a test may be under way: it would end in the middle.
    const stay = setInterval(() => {}, PATIENCE_MS);
    return answer.finally(() => clearInterval(stay));
  }

  listen(sessionId: string, onEvent: (method: string, params: Params) => void): void {
    this.#pages.set(sessionId, onEvent);
  }

  forget(sessionId: string): void {
    this.#pages.delete(sessionId);
  }

  /** Messages end with a zero byte. */
  #onData(bytes: Buffer): void {
    let from = 0;
    for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, from)) {
      const text = Buffer.concat([...this.#parts, bytes.subarray(from, end)]).toString();
      this.#parts = [];
      from = end + 1;
      this.#onMessage(JSON.parse(text) as Message);
    }
    if (from < bytes.length) this.#parts.push(bytes.subarray(from));
  }

  #onMessage({ id, sessionId, method, params = {}, result = {}, error }: Message): void {
    if (id === undefined) return this.#pages.get(sessionId ?? '')?.(method!, params);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

let browser: Browser | undefined;

/** A page of its own, which is closed with the test. */
export async function openPage(
  t: TestContext,
  { width = 1280, height = 800, scheme = 'light', media = 'screen', isMobile = false }: PageOptions = {},
): Promise<BrowserPage> {
  browser ??= new Browser();
  const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const page = new BrowserPage(browser, String(sessionId));
  t.after(async () => {
    page.close();
    await browser!.send('Target.closeTarget', { targetId });
  });
  for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.send(`${domain}.enable`);
  await page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: isMobile });
  await page.look(scheme, media);
  return page;
}

export class BrowserPage {
  readonly #browser: Browser;
  readonly #session: string;
  /** Addresses that it has asked for, but for its own. */
  readonly requests: string[] = [];
  /** What its console and its exceptions say; what a policy has kept it from is there as well. */
  readonly complaints: string[] = [];
  #loads = 0;

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
    browser.listen(session, (method, params) => this.#onEvent(method, params));
  }

  send(method: string, params?: Params): Promise<Params> {
    return this.#browser.send(method, params, this.#session);
  }

  /** Resolves once it is loaded. */
  async open(url: string): Promise<void> {
    const before = this.#loads;
    const { errorText } = await this.send('Page.navigate', { url });
    assert.equal(errorText, undefined, `${url}: ${String(errorText)}`);
    await untilTrue(`${url} is loaded`, () => this.#loads > before);
  }

  /** What an expression is worth in the page; promises are waited for. */
  async run<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { readonly result: { readonly value: T }; readonly exceptionDetails?: { readonly text: string } };
    assert.equal(exceptionDetails, undefined, `${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Waits until an expression holds in the page. */
  async until(expression: string): Promise<void> {
    await untilTrue(expression, () => this.run<unknown>(`Boolean(${expression})`));
  }

  /** What the device wants to see. */
  async look(scheme: 'light' | 'dark', media: 'screen' | 'print' = 'screen'): Promise<void> {
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.send('Emulation.setEmulatedMedia', { media, features });
  }

  /** As it would be on paper: bytes of a PDF. */
  async print(): Promise<Buffer> {
    const { data } = await this.send('Page.printToPDF', { printBackground: true, preferCSSPageSize: true });
    return Buffer.from(String(data), 'base64');
  }

  /** The whole page as a picture. */
  async screenshot(path: string): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    writeFileSync(path, String(data), 'base64');
  }

  close(): void {
    this.#browser.forget(this.#session);
  }

  #onEvent(method: string, params: Params): void {
    switch (method) {
      case 'Page.loadEventFired':
        this.#loads++;
        break;
      case 'Network.requestWillBeSent': {
        const { request, type } = params as { readonly request: { readonly url: string }; readonly type?: string };
        if (type !== 'Document') this.requests.push(request.url);
        break;
      }
      case 'Runtime.exceptionThrown':
      case 'Runtime.consoleAPICalled':
      case 'Log.entryAdded':
      case 'Page.javascriptDialogOpening':
        this.complaints.push(`${method} ${JSON.stringify(params)}`);
        break;
      default:
    }
  }
}

async function untilTrue(what: string, holds: () => unknown): Promise<void> {
  const since = performance.now();
  while ((await holds()) !== true) {
    assert.ok(performance.now() - since < PATIENCE_MS, `Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function programOnPath(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  assert.ok(found !== undefined, `no browser: ${NAMES.join(', ')} are not on the PATH`);
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
