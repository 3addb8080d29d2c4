// A feed of a server of the tests' own, and all that it has told.
import { Deployment } from '../../src/cluster/deployment.ts';
import type { Feed, FeedOptions, FeedPosition, FeedSink, Gap } from '../../src/live/feed.ts';
import type { Node } from '../../src/cluster/topology.ts';
import type { RespError } from '../../resp/errors.ts';
import type { TlsOptions } from '../../resp/tls-options.ts';

export type FeedMaker = (deployment: Deployment, node: Node, options: FeedOptions, sink: FeedSink) => Feed;

export interface FollowOptions {
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  readonly timeout?: number;
  readonly retries?: number;
  readonly from?: FeedPosition;
  /** The address of one node of a cluster, where it is one: that node is followed. */
  readonly nodeAt?: number;
  readonly signal?: AbortSignal;
}

export class Followed {
  feed!: Feed;
  /** `db:key`, where the db is `?` if it was not told. */
  readonly changes = new Set<string>();
  /** How often each of them was told. */
  readonly times = new Map<string, number>();
  readonly gaps: Gap[] = [];
  reconnects = 0;
  failed: RespError | undefined;

  /** Not attached yet. */
  static async open(maker: FeedMaker, options: FollowOptions): Promise<Followed> {
    const { port, username, password, tls, timeout = 5000, retries = 10, from, nodeAt = port, signal } = options;
    const followed = new Followed();
    const link = { retry: { retries, longest: 50 }, onReconnect: () => void followed.reconnects++ };
    const access = { role: 'source', purpose: 'read', timeout, probes: [], username, password, tls, signal } as const;
    const address = { kind: 'tcp', host: '127.0.0.1', port, tls: tls !== undefined } as const;
    const deployment = await Deployment.open({ address, access, sentinelPassword: undefined, nat: [], db: 0, ...link });
    const node = deployment.isCluster
      ? deployment.topology.nodes.find(({ peer }) => 'port' in peer && peer.port === nodeAt)!
      : deployment.topology.nodes[0]!;
    followed.feed = maker(deployment, node, { ...link, from }, followed.#sink());
    return followed;
  }

  #sink(): FeedSink {
    return {
      onChange: (db, key) => {
        const id = `${db ?? '?'}:${key.toString('latin1')}`;
        this.changes.add(id);
        this.times.set(id, (this.times.get(id) ?? 0) + 1);
      },
      onGap: (gap) => this.gaps.push(gap),
      onFailed: (error) => (this.failed = error),
    };
  }

  /** Attached, and all that was told so far. */
  async caughtUp(): Promise<string[]> {
    await this.feed.caughtUp();
    return [...this.changes].toSorted();
  }
}
