// The frames of all connections of a run, as lines of a file or of stderr.

import type { Peer } from '../../resp/errors.ts';
import { escapeControls, escapeJson } from '../../resp/escapes.ts';
import type { Secrets } from '../../resp/secrets.ts';
import type { Tap } from '../../resp/tap.ts';
import { Glob } from '../scan/glob.ts';
import type { ConnectionUse } from '../server/server.ts';
import { ConnectionNames } from './connection-names.ts';
import { ConnectionTrace, type TraceLine } from './connection-trace.ts';

export interface TraceOptions {
  /** Default 64: bytes that are shown of each string. */
  readonly mostBytes?: number | undefined;
  /** Redis globs: only frames with a name that matches one of them, and the replies to such. */
  readonly match?: readonly string[] | undefined;
  /** Default `text`. */
  readonly format?: TraceFormat | undefined;
}

export const SHOWN_BYTES = 64;
/** Characters that are collected before a write. */
const ENOUGH = 64 * 1024;
/** What was collected is written after so many milliseconds at the latest. */
const SOON_MS = 100;
const WHATS = { connects: 'peer', sent: 'frame', received: 'frame', closed: 'reason' } as const;
const SIGNS = { connects: '=', sent: '>', received: '<', closed: 'x' } as const;

export class Trace {
  readonly #options: TraceOptions;
  readonly #globs: readonly Glob[];
  readonly #write: (text: string) => void;
  readonly #names = new ConnectionNames();
  #text = '';
  #timer: NodeJS.Timeout | undefined;
  readonly #stamps = new Stamps();
  #isStopped = false;

  /** @param write gets whole lines */
  constructor(write: (text: string) => void, options: TraceOptions = {}) {
    this.#write = write;
    this.#options = options;
    this.#globs = (options.match ?? []).map((pattern) => new Glob(Buffer.from(pattern)));
  }

  /** For each connection, before it is made. */
  readonly tap = (use: ConnectionUse, peer: Peer, secrets: Secrets): Tap => {
    return new ConnectionTrace({
      connection: this.#names.next(use),
      peer,
      isReplication: use.endsWith('feed'),
      secrets,
      globs: this.#globs,
      mostBytes: this.#options.mostBytes ?? SHOWN_BYTES,
      isStopped: () => this.#isStopped,
      onLine: (line) => this.#add(line),
    });
  };

  /** There is nobody left to write for: no frame is looked at any more. */
  stop(): void {
    this.#isStopped = true;
    this.#text = '';
  }

  /** Once, and the last: connections may still be closing. */
  close(): void {
    this.#flush();
  }

  #add(line: TraceLine): void {
    this.#text += formatLine(line, this.#options.format ?? 'text', this.#stamps.now());
    if (this.#text.length >= ENOUGH) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), SOON_MS).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#text;
    this.#text = '';
    if (text !== '') this.#write(text);
  }
}

export type TraceFormat = 'text' | 'ndjson';

/** What servers and recordings say of peers may hold anything. @param time missing where it is not known */
export function formatLine({ connection, event, bytes, text }: TraceLine, format: TraceFormat, time?: string): string {
  if (format === 'ndjson')
    return `${escapeJson(JSON.stringify({ time, connection, event, bytes, [WHATS[event]]: text }))}\n`;
  const parts = [time, connection, SIGNS[event], bytes, text].filter((part) => part !== undefined);
  return `${escapeControls(parts.join(' '))}\n`;
}

/** The time, with the microseconds by which frames of several connections can be told apart. */
class Stamps {
  #ms = Number.NaN;
  /** As far as a millisecond goes, in which there are many frames. */
  #text = '';

  now(): string {
    const at = performance.timeOrigin + performance.now();
    const ms = Math.floor(at);
    if (ms !== this.#ms) {
      this.#ms = ms;
      this.#text = new Date(ms).toISOString().slice(0, -1);
    }
    return `${this.#text}${String(Math.floor((at - ms) * 1000)).padStart(3, '0')}Z`;
  }
}
