// What the commands that a primary sends to its replicas say of keys: which ones have changed, in which database, and where what
// was changed is not told by name. It knows how far it has come, and where one could go on.

import type { CommandSink } from '../../resp/command-stream.ts';
import { Ring } from '../../resp/ring.ts';
import type { FeedPosition, FeedSink, Gap } from './feed.ts';
import type { KeyPositions, KeyRule, SpecialName } from './key-positions.ts';

export interface ReplicatedCommandsOptions {
  readonly from: FeedPosition;
  readonly positions: KeyPositions;
  /** Asks the server for the keys of a command; `undefined` where it does not know them. Rejects where it was lost. */
  readonly askKeys: (argv: readonly Buffer[]) => Promise<readonly Buffer[] | undefined>;
  readonly unexplained: Unexplained;
  /** Called where there is more, or less, under way than one should read on with; and when keys were told that had to be asked for. */
  readonly onAsked: () => void;
}

/** Bytes of a key that is told by name. */
const LONGEST_KEY = 16 * 1024 * 1024;
/** Bytes of all arguments of a command that is looked at as a whole, and their number. */
const MOST_GATHERED = 1024 * 1024;
const MOST_ARGUMENTS = 32_768;
/** What one takes beside its bytes. */
const ARGUMENT_BYTES = 128;
/** Commands whose keys are being asked for at once, and what they take. */
const MOST_ASKED = 64;
const MOST_ASKED_BYTES = 4 * 1024 * 1024;
/** Of commands that nothing explains. */
const MOST_NAMES = 1000;
const REST: KeyRule = { kind: 'nothing' };

/** Commands that change what nobody names: each is a gap, told once until somebody wants to have all of it. */
export class Unexplained {
  readonly #sink: FeedSink;
  readonly #told = new Set<string>();
  #untold = new Set<string>();

  constructor(sink: FeedSink) {
    this.#sink = sink;
  }

  met(name: string): void {
    const known = name.toUpperCase();
    if (this.#told.has(known)) this.#untold.add(known);
    else this.#tell([known]);
    if (this.#told.size < MOST_NAMES) this.#told.add(known);
  }

  /** Whether one has come again since it was told. */
  get isUntold(): boolean {
    return this.#untold.size > 0;
  }

  /** Those that came again since they were told. */
  tellAll(): void {
    const names = [...this.#untold];
    this.#untold = new Set();
    if (names.length > 0) this.#tell(names);
  }

  #tell(names: readonly string[]): void {
    this.#sink.onGap({ reason: `the source does not say which keys ${names.join(', ')} changes` });
  }
}

export class ReplicatedCommands implements CommandSink {
  readonly replicationId: string;
  readonly #options: ReplicatedCommandsOptions;
  readonly #sink: FeedSink;
  /** Where each command stands whose keys are being asked for: nothing behind it counts as told. */
  readonly #asked = new Ring<{ readonly at: FeedPosition; readonly offset: number }>();
  /** What all of these take. */
  #askedBytes = 0;
  #offset: number;
  #db: number | undefined;
  #isInTransaction = false;
  /** Behind the last command that belongs to no open transaction. */
  #safeOffset: number;
  #safeDb: number | undefined;
  /** Of the command that is being read. */
  #name = '';
  #rule: KeyRule = REST;
  #args = 0;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #tooLong: string | undefined;

  constructor(options: ReplicatedCommandsOptions, sink: FeedSink) {
    const { replicationId, offset, db } = options.from;
    this.replicationId = replicationId;
    this.#options = options;
    this.#sink = sink;
    this.#offset = this.#safeOffset = offset;
    this.#db = this.#safeDb = db ?? undefined;
  }

  /** Where to go on so that nothing is missed. */
  get position(): FeedPosition {
    return this.#asked.peek()?.at ?? this.#safe;
  }

  /** Up to here everything was told. */
  get told(): number {
    return this.#asked.peek()?.offset ?? this.#offset;
  }

  /** Up to here it was read. */
  get read(): number {
    return this.#offset;
  }

  /** Whether so many keys are being asked for that no more should be read. */
  get isFull(): boolean {
    return this.#asked.length >= MOST_ASKED || this.#askedBytes >= MOST_ASKED_BYTES;
  }

  get #safe(): FeedPosition {
    return { replicationId: this.replicationId, offset: this.#safeOffset, db: this.#safeDb ?? null };
  }

  onName(name: string, args: number): void {
    this.#name = name;
    this.#rule = this.#options.positions.of(name);
    this.#args = args;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#tooLong = undefined;
  }

  wants(index: number, length: number): boolean {
    const rule = this.#rule;
    if (rule.kind === 'nothing' || rule.kind === 'unexplained') return false;
    if (rule.kind === 'subcommands') return index === 1 && length < MOST_GATHERED;
    if (rule.kind === 'keys') {
      const last = rule.last < 0 ? this.#args + 1 + rule.last : rule.last;
      if (index < rule.first || index > last || (index - rule.first) % rule.step !== 0) return false;
      if (length > LONGEST_KEY) this.#tooLong = 'a key';
      return length <= LONGEST_KEY;
    }
    this.#gatheredBytes += length;
    if (this.#gatheredBytes > MOST_GATHERED || this.#args > MOST_ARGUMENTS) this.#tooLong = 'all';
    return this.#tooLong === undefined;
  }

  onArgument(_: number, bytes: Buffer): void {
    const rule = this.#rule;
    if (rule.kind === 'keys') this.#sink.onChange(this.#db, bytes);
    else if (rule.kind === 'subcommands') {
      this.#rule = rule.rules.get(bytes.toString('latin1').toUpperCase()) ?? { kind: 'asked' };
      if (this.#rule.kind === 'asked') this.#gathered.push(Buffer.from(bytes));
    } else {
      this.#gathered.push(Buffer.from(bytes));
    }
  }

  onEnd(bytes: number): void {
    const rule = this.#rule;
    this.#rule = REST;
    const before = this.#offset;
    this.#offset += bytes;
    if (this.#tooLong !== undefined) {
      this.#sink.onGap({ reason: `${this.#tooLong} of a ${this.#name} was too long to be followed` });
      this.#tooLong = undefined;
    } else if (rule.kind === 'special') this.#special(rule.name, this.#gathered);
    else if (rule.kind === 'unexplained') this.#options.unexplained.met(this.#name);
    else if (rule.kind === 'asked') void this.#ask(before);
    if (this.#isInTransaction) return;
    this.#safeOffset = this.#offset;
    this.#safeDb = this.#db;
  }

  #special(name: SpecialName, args: readonly Buffer[]): void {
    switch (name) {
      case 'SELECT':
        this.#db = numberIn(args[0]);
        return;
      case 'MULTI':
      case 'EXEC':
        this.#isInTransaction = name === 'MULTI';
        return;
      case 'FLUSHDB': {
        const which = this.#db === undefined ? 'a database' : `database ${this.#db}`;
        return this.#gap({ reason: `FLUSHDB emptied ${which}`, isFlush: true, isWrite: true }, [this.#db]);
      }
      case 'FLUSHALL':
        return this.#sink.onGap({ reason: 'FLUSHALL emptied every database', isFlush: true, isWrite: true });
      case 'SWAPDB': {
        const pair = [numberIn(args[0]), numberIn(args[1])];
        return this.#gap({ reason: `SWAPDB exchanged the databases ${pair.join(' and ')}`, isWrite: true }, pair);
      }
      case 'MOVE':
        return this.#toldIn(args.slice(0, 1), numberIn(args[1]));
      case 'COPY': {
        const option = args.findIndex((arg, i) => i > 1 && arg.toString('latin1').toUpperCase() === 'DB');
        return this.#toldIn(args.slice(0, 2), option === -1 ? this.#db : numberIn(args[option + 1]));
      }
      case 'CLUSTER FLUSHSLOT':
        return this.#flushedSlot(numberIn(args[0]));
    }
  }

  #flushedSlot(slot: number | undefined): void {
    const reason = `a slot was emptied${slot === undefined ? '' : `: ${slot}`}`;
    this.#sink.onGap(slot === undefined ? { reason, isFlush: true } : { reason, slots: [slot], isFlush: true });
  }

  #gap(gap: Gap, databases: readonly (number | undefined)[]): void {
    const known = databases.filter((db) => db !== undefined);
    this.#sink.onGap(known.length === databases.length ? { ...gap, databases: known } : gap);
  }

  /** Of a command that has changed something in another database as well. */
  #toldIn(keys: readonly Buffer[], other: number | undefined): void {
    for (const key of keys) {
      this.#sink.onChange(this.#db, key);
      if (other !== this.#db) this.#sink.onChange(other, key);
    }
  }

  async #ask(offset: number): Promise<void> {
    const [name, db, { askKeys, onAsked }] = [this.#name, this.#db, this.#options];
    const argv = [Buffer.from(name, 'latin1'), ...this.#gathered];
    const bytes = this.#gatheredBytes + argv.length * ARGUMENT_BYTES;
    this.#asked.push({ at: this.#safe, offset });
    this.#askedBytes += bytes;
    if (this.isFull) onAsked();
    try {
      const keys = await askKeys(argv);
      if (keys === undefined) this.#unexplained(name);
      else for (const key of keys) this.#sink.onChange(db, key);
      this.#asked.shift();
      this.#askedBytes -= bytes;
      onAsked();
    } catch {
      // Where the server was lost, one goes on from before this command.
    }
  }

  /** The server knows no keys of it: by now it may have said that it is no write. */
  #unexplained(name: string): void {
    const { positions, unexplained } = this.#options;
    if (positions.of(name).kind !== 'nothing') unexplained.met(name);
  }
}

function numberIn(argument: Buffer | undefined): number | undefined {
  const number = argument === undefined ? NaN : Number(argument.toString('latin1'));
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
