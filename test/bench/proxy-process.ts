// The delaying proxy as a process of its own, so that its CPU is neither rump's nor the bench's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { killAtExit } from '../support/kill-at-exit.ts';

export interface ProxyProcess {
  readonly port: number;
  stop(): Promise<void>;
}

const PATH = fileURLToPath(new URL('./proxy-main.js', import.meta.url));

export async function startProxyProcess(port: number, delay: number): Promise<ProxyProcess> {
  const child = spawn(process.execPath, [PATH, String(port), String(delay)], { stdio: ['ignore', 'pipe', 'inherit'] });
  killAtExit(child);
  const gone = once(child, 'exit');
  const [line] = await Promise.race([once(child.stdout, 'data') as Promise<[Buffer]>, gone.then(() => [undefined])]);
  if (line === undefined) throw new Error('Cannot start the proxy: it ended before it had a port');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  return { port: Number(line.toString()), stop };
}
