// Keys that are asked for by name; and those of them that may be what breaks the connections to a node, which are read one at a
// time, on a connection that nobody else needs.

import { RespError } from '../../resp/errors.ts';
import { Ring } from '../../resp/ring.ts';
import type { AskedKeys } from '../cluster/node-hearing.ts';
import { final, isBreak, type NodeLink } from '../cluster/node-link.ts';
import { brokeAlways, type Suspects } from '../cluster/suspects.ts';
import type { Channel } from '../flow/channel.ts';
import type { FoundKey } from '../flow/key-id.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import { demandProcess } from '../server/server.ts';
import { Session } from '../server/session.ts';

/** A key that is to be read, found elsewhere than in the walk under way. */
export interface KeyPlace extends FoundKey {
  /** Whether its slot is only being taken over by this node. */
  readonly asking: boolean;
  /** Whether the value is not to be dumped: what reads it in pieces takes its place. */
  readonly inPieces?: boolean;
}

export function askFor(place: KeyPlace, reader: KeyReader): void {
  if (place.inPieces === true && reader.sendLarge !== undefined) reader.sendLarge(place);
  else reader.send(place, place.asking);
}

export interface SingleKeyReaderOptions {
  readonly newKeyReader: (session: Session) => KeyReader;
  /** Where somebody listens to the node. */
  readonly asked: AskedKeys | undefined;
  /** The key cannot be had: it was asked for as a whole, and for less, and the connection broke each time. */
  readonly onBroken: (key: FoundKey, error: RespError) => void;
  /** The node is no primary any more: another one has the key. */
  readonly onLeft: (place: KeyPlace) => void;
}

/** As a whole, and then in pieces or once more. */
const MOST_BREAKS = 2;

export class SingleKeyReader {
  readonly #link: NodeLink;
  readonly #suspects: Suspects;
  readonly #options: SingleKeyReaderOptions;
  readonly #places = new Ring<KeyPlace>();
  #session: Session | undefined;
  #reader: KeyReader | undefined;
  #isReading = false;

  /** @param link to the same node, and nobody else's */
  constructor(link: NodeLink, suspects: Suspects, options: SingleKeyReaderOptions) {
    this.#link = link;
    this.#suspects = suspects;
    this.#options = options;
  }

  /** Keys that are not answered. */
  get pending(): number {
    return this.#places.length + (this.#reader?.inFlight ?? 0);
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  add(place: KeyPlace): void {
    this.#places.push(place);
  }

  /** Hands out what was to be read here. */
  drain(lost: (key: FoundKey) => void): void {
    for (let place = this.#places.shift(); place !== undefined; place = this.#places.shift()) lost(place);
  }

  /**
   * Reads all that was added, and what is added meanwhile.
   * @throws RespError: the node was lost for good
   */
  async run(channel: Channel): Promise<void> {
    this.#isReading = true;
    try {
      for (let place = this.#places.peek(); place !== undefined; place = this.#places.peek()) {
        await channel.writable();
        const session = await this.#open();
        this.#places.shift();
        if (session === undefined) this.#options.onLeft(place);
        else await this.#read(place, session, channel);
      }
    } finally {
      this.#isReading = false;
    }
  }

  /** Nothing is asked for any more. */
  close(): void {
    this.#link.stop(new RespError('CLOSED', 'Nobody asks for keys one at a time any more'));
    this.#session?.connection.close();
  }

  demandServer(runId: string): void {
    if (this.#session !== undefined) demandProcess(this.#session.server, runId);
  }

  stop(reason: Error): void {
    this.#link.stop(reason);
    this.#session?.connection.fail(reason);
  }

  async #open(): Promise<Session | undefined> {
    const last = this.#session?.connection;
    if (last !== undefined && last.error === undefined) return this.#session;
    const server = await this.#link.open(last).catch((error: unknown) => Promise.reject(final(error)));
    if (server === undefined) return undefined;
    this.#session = new Session(server);
    this.#reader = this.#options.newKeyReader(this.#session);
    return this.#session;
  }

  async #read(place: KeyPlace, session: Session, channel: Channel): Promise<void> {
    const reader = this.#reader!;
    const { asking, inPieces } = place;
    const isTried = inPieces === true || this.#suspects.breaksOf(place) > 0;
    const isWhole = !isTried || reader.sendBreaking === undefined;
    channel.reserve();
    this.#options.asked?.add(place);
    try {
      // Nobody can make anything of the whole, however small it is.
      if (inPieces === true && reader.sendLarge !== undefined) reader.sendLarge(place);
      else if (isWhole) reader.send(place, asking);
      else reader.sendBreaking!(place);
      while (reader.inFlight > 0) await session.progress();
      this.#link.progress();
      // What was had only in pieces would break the next connection as well.
      if (isWhole) this.#suspects.acquit(place);
    } catch (error) {
      reader.drain(() => {});
      this.#broke(place, error, channel);
    }
  }

  #broke(place: KeyPlace, error: unknown, channel: Channel): void {
    if (isBreak(error)) {
      this.#link.excuse();
      this.#suspects.brokeAlone(place);
      if (this.#suspects.breaksOf(place) >= MOST_BREAKS) {
        this.#suspects.acquit(place);
        return this.#options.onBroken(place, brokeAlways('was asked for', error));
      }
    }
    channel.release();
    this.#places.push(place);
  }
}
