// Writers of a source that is followed: random ones over everything that a server can do to a key, and two that write what
// can be told afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient, Reply } from '../client.ts';
import { Draw } from './draw.ts';
import type { Random } from './random.ts';
import { LIBRARY, recipesFor, type Command, type Habits, type Recipe } from './recipes.ts';
import type { Outcome, Router, Step } from './router.ts';

export interface WriterOptions extends Habits {
  readonly random: Random;
  readonly databases: readonly number[];
  readonly isCluster: boolean;
  /** Steps a second. */
  readonly rate: number;
  /** Commands that the source has; see `commandsOf`. */
  readonly knows: ReadonlySet<string>;
}

/** Of a cluster: the keys `{t0}…` and so on are in so many slots. */
export const TAGS = 40;
const TICK_MS = 8;
/** Steps whose outcome is not known. */
const MOST_ON_THE_WAY = 4000;
const TRANSACTIONS = 0.06;

/** Steps that come at a rate until it is stopped. */
export abstract class Writer {
  readonly outcomes: Record<Outcome, number> = { done: 0, refused: 0, lost: 0 };
  readonly #router: Router;
  readonly #rate: number;
  readonly #under = new Set<Promise<void>>();
  #isStopped = false;
  #onTheWay = 0;
  #running: Promise<void> | undefined;

  constructor(router: Router, rate: number) {
    this.#router = router;
    this.#rate = rate;
  }

  start(): this {
    this.#running = this.#run();
    return this;
  }

  /** Resolves when the outcome of all is known. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await Promise.all(this.#under);
  }

  /** So many steps at once, whatever the rate. */
  async write(steps: number): Promise<void> {
    await this.#deliver(this.next(steps));
  }

  protected abstract next(count: number): readonly Step[];

  protected settled(_step: Step, outcome: Outcome): void {
    this.outcomes[outcome] += 1;
  }

  async #run(): Promise<void> {
    let due = performance.now();
    while (!this.#isStopped && !this.#router.isClosed) {
      const count = Math.floor(((performance.now() - due) * this.#rate) / 1000);
      due += (count * 1000) / this.#rate;
      if (count > 0 && this.#onTheWay < MOST_ON_THE_WAY) this.#send(this.next(Math.min(count, MOST_ON_THE_WAY)));
      await sleep(TICK_MS);
    }
  }

  #send(steps: readonly Step[]): void {
    const delivery = this.#deliver(steps).finally(() => this.#under.delete(delivery));
    this.#under.add(delivery);
  }

  async #deliver(steps: readonly Step[]): Promise<void> {
    this.#onTheWay += steps.length;
    const outcomes = await this.#router.deliver(steps);
    this.#onTheWay -= steps.length;
    for (const [index, step] of steps.entries()) this.settled(step, outcomes[index]!);
  }
}

export class RandomWriter extends Writer {
  readonly #options: WriterOptions;
  readonly #recipes: readonly Recipe[];
  readonly #total: number;
  readonly #ids = new Map<string, number>();

  constructor(router: Router, options: WriterOptions) {
    super(router, options.rate);
    const { knows, databases, isCluster } = options;
    this.#options = options;
    this.#recipes = recipesFor(knows, databases.length, isCluster, options);
    this.#total = this.#recipes.reduce((sum, { weight }) => sum + weight, 0);
  }

  protected override next(count: number): readonly Step[] {
    return Array.from({ length: count }, () => this.#step());
  }

  #step(): Step {
    const { random, databases, isCluster } = this.#options;
    const tag = isCluster ? `t${random.below(TAGS)}` : '';
    const db = random.pick(databases);
    const draw = new Draw({ random, db, databases, tag, ids: this.#ids });
    const key = Buffer.from(`{${tag}}`);
    if (!random.chance(TRANSACTIONS)) return { db, key, commands: this.#pick().make(draw) };
    const commands = Array.from({ length: random.between(2, 5) }, () => this.#pick())
      .filter(({ single }) => single !== true)
      .flatMap((recipe) => recipe.make(draw));
    return { db, key, commands: this.#transaction(draw, commands) };
  }

  /** Some go on in another database. */
  #transaction(draw: Draw, commands: readonly Command[]): readonly Command[] {
    const { db, otherDatabases, random } = draw;
    if (this.#options.isCluster || otherDatabases.length === 0 || random.chance(0.5))
      return [['MULTI'], ...commands, ['EXEC']];
    const other = random.pick(otherDatabases);
    return [['MULTI'], ...commands, ['SELECT', other], ['SET', draw.key('string'), db], ['SELECT', db], ['EXEC']];
  }

  #pick(): Recipe {
    let left = this.#options.random.below(this.#total * 1000) / 1000;
    return this.#recipes.find(({ weight }) => (left -= weight) < 0) ?? this.#recipes[0]!;
  }
}

/** Numbers, each under a key of its own: which of them were acknowledged is known. */
export class NumberedWriter extends Writer {
  readonly acknowledged: number[] = [];
  #last = 0;

  static key(number: number): string {
    return `numbered:${number}`;
  }

  protected override next(count: number): readonly Step[] {
    return Array.from({ length: count }, () => {
      const key = NumberedWriter.key((this.#last += 1));
      return { db: 0, key: Buffer.from(key), commands: [['SET', key, this.#last]] };
    });
  }

  protected override settled(step: Step, outcome: Outcome): void {
    super.settled(step, outcome);
    if (outcome === 'done') this.acknowledged.push(step.commands[0]![2] as number);
  }
}

/** Keys that live for less than a copy takes, and are renewed long before they end. */
export class RenewingWriter extends Writer {
  static readonly keys = 200;
  static readonly ttl = 2500;
  static readonly interval = 400;
  #turn = 0;

  constructor(router: Router) {
    super(router, (RenewingWriter.keys * 1000) / RenewingWriter.interval);
  }

  /** By turns, as applications do it. */
  protected override next(count: number): readonly Step[] {
    return Array.from({ length: count }, () => {
      const turn = (this.#turn += 1);
      const key = `renewed:${turn % RenewingWriter.keys}`;
      const { ttl } = RenewingWriter;
      const command = turn % 3 === 0 ? ['PEXPIRE', key, ttl] : ['SET', key, `session ${key}`, 'PX', ttl];
      return { db: 0, key: Buffer.from(key), commands: [command] };
    });
  }
}

/** Every command and subcommand that the server has, in capitals; functions are made ready. */
export async function commandsOf(clients: readonly TestClient[]): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  const add = (about: Reply): void => {
    if (!Array.isArray(about)) return;
    known.add(String(about[0]).toUpperCase());
    for (const subcommand of (about[9] ?? []) as Reply[]) add(subcommand);
  };
  for (const about of (await clients[0]!.send('COMMAND')) as Reply[]) add(about);
  if (known.has('FUNCTION'))
    await Promise.all(clients.map((client) => client.send('FUNCTION', 'LOAD', 'REPLACE', LIBRARY)));
  return known;
}
