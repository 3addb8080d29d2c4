// The way of writers to a server, or to whichever nodes serve a slot just now: over lost connections, redirections and spells
// in which nobody takes a write.
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient, type Reply } from '../client.ts';
import { slotOfKey } from '../cluster-slot.ts';
import type { Command } from './recipes.ts';

/** Commands in a row, with nothing of the same writer in between. */
export interface Step {
  readonly db: number;
  /** One of its keys; all of them are in one slot where there are slots. */
  readonly key: Buffer;
  readonly commands: readonly Command[];
}

/** `done`: acknowledged, and none refused; `lost`: nobody knows. */
export type Outcome = 'done' | 'refused' | 'lost';

export interface Router {
  /** In their order, as far as they are of one key. Never rejects. */
  deliver(steps: readonly Step[]): Promise<Outcome[]>;
  /** What is delivered from now on is lost, and whoever goes on writing ends. */
  close(): Promise<void>;
  readonly isClosed: boolean;
}

/** What another try may change, at another node or later. */
const PASSING = /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|EXECABORT|LOADING|READONLY|MASTERDOWN|UNBLOCKED)\b/;
const LONGEST_TRY_MS = 15_000;
const PAUSE_MS = 20;

/** Connections to one port, one for each database. */
class Port {
  readonly #port: number;
  readonly #clients = new Map<number, Promise<TestClient>>();
  isClosed = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** Rejects where the connection is lost; the next call opens another. */
  async send(db: number, commands: readonly Command[]): Promise<Reply[]> {
    if (this.isClosed) throw new Error('the router is closed');
    const client = this.#clients.get(db) ?? this.#connect(db);
    try {
      return await (await client).pipeline(commands);
    } catch (error) {
      if (this.#clients.get(db) === client) this.#clients.delete(db);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled(Array.from(this.#clients.values(), async (client) => (await client).close()));
  }

  #connect(db: number): Promise<TestClient> {
    const client = TestClient.connect({ port: this.#port }).then(async (connected) => {
      if (db !== 0) await connected.send('SELECT', db);
      return connected;
    });
    this.#clients.set(db, client);
    return client;
  }
}

export class ServerRouter implements Router {
  readonly #port: Port;

  constructor(port: number) {
    this.#port = new Port(port);
  }

  async deliver(steps: readonly Step[]): Promise<Outcome[]> {
    return gather(
      steps,
      ({ db }) => db,
      async (db, share) => {
        const replies = await this.#port
          .send(
            db,
            share.flatMap(({ commands }) => commands),
          )
          .catch(() => undefined);
        return outcomesOf(share, replies).map((outcome) => (outcome === 'passing' ? 'refused' : outcome));
      },
    );
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  get isClosed(): boolean {
    return this.#port.isClosed;
  }
}

export class ClusterRouter implements Router {
  readonly #ports = new Map<number, Port>();
  readonly #seeds: readonly number[];
  /** By slot, the port of who serves it. */
  #slots: number[] = [];
  isClosed = false;

  constructor(seeds: readonly number[]) {
    this.#seeds = seeds;
  }

  async deliver(steps: readonly Step[]): Promise<Outcome[]> {
    if (this.#slots.length === 0) await this.#learn();
    const end = Date.now() + LONGEST_TRY_MS;
    return gather(
      steps,
      ({ key, db }) => `${this.#slots[slotOfKey(key)]} ${db}`,
      async (_, share) => {
        const outcomes = await this.#send(share);
        for (const [index, outcome] of outcomes.entries()) {
          for (let again = outcome; again === 'passing';) {
            if (Date.now() > end || this.isClosed) {
              outcomes[index] = 'refused';
              break;
            }
            await sleep(PAUSE_MS);
            await this.#learn();
            [again] = (await this.#send([share[index]!])) as [Outcome | 'passing'];
            outcomes[index] = again;
          }
        }
        return outcomes as Outcome[];
      },
    );
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.#ports.values()].map((port) => port.close()));
  }

  async #send(share: readonly Step[]): Promise<(Outcome | 'passing')[]> {
    const { db, key } = share[0]!;
    const port = this.#portOf(this.#slots[slotOfKey(key)] ?? this.#seeds[0]!);
    const replies = await port
      .send(
        db,
        share.flatMap(({ commands }) => commands),
      )
      .catch(() => undefined);
    if (replies === undefined) await this.#learn();
    const outcomes = outcomesOf(share, replies);
    const asked = replies?.find((reply) => reply instanceof Error && reply.message.startsWith('ASK '));
    // A key that is on the way is asked for at the other node; a transaction waits until its slot has moved.
    if (asked === undefined || share.length > 1 || share[0]!.commands.length > 1) return outcomes;
    const other = this.#portOf(Number((asked as Error).message.split(':').at(-1)));
    const again = await other.send(db, [['ASKING'], ...share[0]!.commands]).catch(() => undefined);
    return outcomesOf(share, again?.slice(1));
  }

  #portOf(port: number): Port {
    const known = this.#ports.get(port) ?? new Port(port);
    known.isClosed = this.isClosed;
    this.#ports.set(port, known);
    return known;
  }

  /** From whichever node answers. */
  async #learn(): Promise<void> {
    for (const seed of this.#seeds) {
      const [reply] = (await this.#portOf(seed)
        .send(0, [['CLUSTER', 'SLOTS']])
        .catch(() => [])) as Reply[];
      if (!Array.isArray(reply) || reply.length === 0) continue;
      for (const [first, last, primary] of reply as [number, number, [Buffer, number]][])
        for (let slot = first; slot <= last; slot += 1) this.#slots[slot] = primary[1];
      return;
    }
  }
}

function outcomesOf(steps: readonly Step[], replies: readonly Reply[] | undefined): (Outcome | 'passing')[] {
  if (replies === undefined) return steps.map(() => 'lost');
  let at = 0;
  return steps.map(({ commands }) => {
    const own = replies.slice(at, (at += commands.length)).filter((reply) => reply instanceof Error);
    if (own.length === 0) return 'done';
    return own.some(({ message }) => PASSING.test(message)) ? 'passing' : 'refused';
  });
}

/** Shares that can go at the same time, and the outcomes in the order of the steps. */
async function gather<Place>(
  steps: readonly Step[],
  placeOf: (step: Step) => Place,
  send: (place: Place, share: readonly Step[]) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  const shares = new Map<Place, number[]>();
  for (const [index, step] of steps.entries()) {
    const place = placeOf(step);
    const share = shares.get(place) ?? [];
    share.push(index);
    shares.set(place, share);
  }
  const outcomes = Array<Outcome>(steps.length);
  await Promise.all(
    Array.from(shares, async ([place, share]) => {
      const own = await send(
        place,
        share.map((index) => steps[index]!),
      );
      for (const [i, index] of share.entries()) outcomes[index] = own[i]!;
    }),
  );
  return outcomes;
}
