// A client that shares the source with a copy, as a process of its own, so that neither rump's work nor the bench's delays it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { killAtExit } from '../support/kill-at-exit.ts';
import type { Site } from './site.ts';

/** What it waited for a reply, in milliseconds. */
export interface Waits {
  readonly p99: number;
  readonly max: number;
  /** For which the source stood still to fork, by its own account: part of the longest wait. */
  readonly fork: number;
}

export interface SourceClient {
  /** Ends it; the waits until now. */
  stop(): Promise<Omit<Waits, 'fork'>>;
}

const PATH = fileURLToPath(new URL('./source-client-main.js', import.meta.url));

/** Resolves once it asks. In a cluster it asks the first node. */
export async function startSourceClient({ server }: Site): Promise<SourceClient> {
  const { port, ca = '' } = server!;
  const child = spawn(process.execPath, [PATH, String(port), ca], { stdio: ['pipe', 'pipe', 'inherit'] });
  killAtExit(child);
  const lines = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value } = (await lines.next()) as { value: string | undefined };
    if (value === undefined) throw new Error('The client of the source ended before its time');
    return value;
  };
  await line();
  return {
    stop: async () => {
      child.stdin.end();
      const waits = JSON.parse(await line()) as Omit<Waits, 'fork'>;
      if (child.exitCode === null) await once(child, 'exit');
      return waits;
    },
  };
}
