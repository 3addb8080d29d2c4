// What goes wrong while rump follows a single server, each as often as a model test likes, and how it shows that it was felt.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../client.ts';
import type { TcpProxy } from '../tcp-proxy.ts';
import type { LateProxy } from './late-proxy.ts';
import type { Fault } from './model.ts';
import type { Standing } from './standing.ts';

/** What is told of a server that was lost. */
const RECONNECT = /^rump: .*(?:trying again|read once more|reconnect)/im;

function unheard(stderr: string): string | undefined {
  return RECONNECT.test(stderr) ? undefined : 'rump did not say that it had lost a server';
}

/** The replication link is cut every second, which is too late for a backlog this small. */
export const SMALL_BACKLOG = ['--repl-backlog-size', '16kb'];

/** The link of a replica, or either connection of tracking, is ended by the source. */
export function feedCut(source: Standing): Fault {
  let killed = 0;
  return {
    pause: [800, 1000],
    async strike(random) {
      const client = await source.server.client();
      const links = linksOf(String(await client.send('CLIENT', 'LIST')));
      if (links.length > 0) killed += Number(await client.send('CLIENT', 'KILL', 'ID', random.pick(links)));
      await client.close();
    },
    unfelt: () => (killed > 0 ? undefined : 'No connection of the feed was killed'),
  };
}

/** The ids of replication links, of connections that are tracked, and of those that are told. */
function linksOf(list: string): string[] {
  return list
    .split('\n')
    .filter((line) => /\bflags=\w*[St]/.test(line) || /\bsub=[1-9]/.test(line))
    .map((line) => /\bid=(\d+)/.exec(line)![1]!);
}

/** Connections end with RST, at any byte of a frame. */
export function resets(door: TcpProxy): Fault {
  let cut = 0;
  return {
    pause: [100, 900],
    // On a machine that is busy enough nothing would ever come to its end.
    times: 40,
    async strike(random) {
      if (door.connections > 0) cut += 1;
      if (random.chance(0.3)) door.reset();
      else door.cutAfter(1 + random.below(3000), random.pick(['up', 'down'] as const));
    },
    unfelt: (stderr) => (cut > 0 ? unheard(stderr) : 'No connection was open when it was to be cut'),
  };
}

/** The server answers nobody for a while. */
export function stalls(standing: Standing): Fault {
  let stalled = 0;
  return {
    pause: [200, 700],
    async strike(random) {
      standing.server.pause();
      await sleep(random.between(100, 1200));
      standing.server.resume();
      stalled += 1;
    },
    unfelt: () => (stalled > 0 ? undefined : 'The server never stalled'),
  };
}

/** Killed, and begun again with all that it has acknowledged. */
export function restarts(standing: Standing): Fault {
  let restarted = 0;
  return {
    pause: [400, 1200],
    // One that is killed more often than it can be given what it lost is given up on, and a busy machine is slow to give it.
    times: 5,
    async strike() {
      await standing.restart();
      restarted += 1;
    },
    unfelt: (stderr) => (restarted > 0 ? unheard(stderr) : 'The server was never killed'),
  };
}

export function failOver(standing: Standing, how: 'lost' | 'handed over'): Fault {
  let cut = 0;
  return {
    pause: [300, 900],
    times: 1,
    async strike() {
      cut = standing.door.connections;
      await (how === 'lost' ? standing.failOver() : standing.handOver());
    },
    unfelt: () => (cut > 0 ? undefined : 'rump had no connection to the server that was replaced'),
  };
}

/** The target refuses every write for a while. */
export function refusing(standing: Standing, why: 'OOM' | 'READONLY'): Fault {
  const spells = {
    OOM: [
      ['CONFIG', 'SET', 'maxmemory', 1],
      ['CONFIG', 'SET', 'maxmemory', 0],
    ],
    // Nobody is there whose data it could take.
    READONLY: [
      ['REPLICAOF', '127.0.0.1', 1],
      ['REPLICAOF', 'NO', 'ONE'],
    ],
  }[why];
  let refused = 0;
  return {
    pause: [300, 900],
    // As with `restarts`: what was a replica meanwhile may have lost what it had, and is given it once more each time.
    times: 5,
    async strike(random) {
      const client = await standing.server.client();
      await client.send(...spells[0]!);
      await sleep(random.between(100, 500));
      await client.send(...spells[1]!);
      refused = await errorsOf(client, why);
      await client.close();
    },
    unfelt: () => (refused > 0 ? undefined : `The target never answered ${why}`),
  };
}

async function errorsOf(client: TestClient, prefix: string): Promise<number> {
  const text = String(await client.send('INFO', 'errorstats'));
  return Number(new RegExp(`errorstat_${prefix}:count=(\\d+)`).exec(text)?.[1] ?? 0);
}

/** What a lost connection had sent comes after the writes of the next one, or to a connection that was ended. */
export function lateBytes(proxy: LateProxy): Fault {
  return {
    pause: [300, 800],
    async strike(random) {
      proxy.abandon(random.between(50, 600));
      await sleep(700);
    },
    unfelt: () =>
      proxy.delivered + proxy.refused > 0 ? undefined : 'Nothing was on the way when a connection was lost',
  };
}

/** `kill -9`, and the same command once more; rump is given `--resume`. */
export function kills(): Fault {
  let killed = 0;
  return {
    pause: [600, 1500],
    // Where each is killed before it has done anything, none comes to its end.
    times: 12,
    async strike(_, run) {
      await run.killAndBegin();
      killed += 1;
    },
    unfelt: () => (killed > 0 ? undefined : 'rump was never killed'),
  };
}
