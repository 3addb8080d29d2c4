// A source as rump reaches it, for tests of what stands above.
import { Deployment, type DeploymentOptions } from '../../src/cluster/deployment.ts';
import type { NodeLinkOptions } from '../../src/cluster/node-link.ts';

export interface DeploymentChoice {
  readonly username?: string;
  readonly password?: string;
  readonly timeout?: number;
  readonly retries?: number;
  readonly address?: DeploymentOptions['address'];
  readonly nat?: DeploymentOptions['nat'];
}

export interface OpenedSource {
  readonly deployment: Deployment;
  readonly link: NodeLinkOptions;
}

/** It is quick to try again. */
export async function openSource(port: number, choice: DeploymentChoice = {}): Promise<OpenedSource> {
  const { username, password, timeout = 5000, retries = 10, nat = [] } = choice;
  const { address = { kind: 'tcp', host: '127.0.0.1', port, tls: false } } = choice;
  const link = { retry: { retries, longest: 50 }, onReconnect: () => {} };
  const who = { role: 'source', purpose: 'read', username, password } as const;
  const access = { ...who, timeout, probes: [], tls: undefined, signal: undefined };
  return {
    deployment: await Deployment.open({ address, access, sentinelPassword: undefined, nat, db: 0, ...link }),
    link,
  };
}
