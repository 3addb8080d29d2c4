// A pair whose target asks for a password, and repeats it in what it refuses, as a server that is careless with what it was told.
import type { TestContext } from 'node:test';
import { error } from './frames.ts';
import { replyProxy } from './reply-proxy.ts';
import { startPair, type ServerPair } from './server-pair.ts';

/** @returns the pair, with endpoints of which the target's has the password */
export async function startCarelessPair(t: TestContext, password: string): Promise<ServerPair> {
  const pair = await startPair(t);
  await pair.to.send('CONFIG', 'SET', 'requirepass', password);
  const proxy = await replyProxy(t, pair.target.port, ([name]) =>
    name === 'CONFIG' ? error(`ERR user ${password} may not do that`) : undefined,
  );
  const url = proxy.url.replace('redis://', `redis://:${encodeURIComponent(password)}@`);
  return { ...pair, endpoints: [...pair.endpoints.slice(0, 3), url] };
}
