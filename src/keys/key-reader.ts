// Asks a server about keys, pipelined, and keeps in mind which ones are not answered.

import type { FoundKey } from '../flow/key-id.ts';
import type { KeyQueue } from '../flow/key-queue.ts';
import type { ReplyError, RespError } from '../../resp/errors.ts';
import type { ServerInfo } from '../server/info.ts';

export interface KeySink {
  /** Deleted or expired since it was seen. */
  onGone(key: FoundKey): void;
  /** It is there, and holds nothing, as no key should: where nobody wants to know that, it is gone. */
  onEmpty?(key: FoundKey): void;
  /** The server would not say of this key, or what it said is damaged. */
  onRefused(key: FoundKey, error: RespError): void;
  /** The key is at another node, or on its way there. */
  onElsewhere(key: FoundKey, error: ReplyError): void;
}

export interface KeyReader {
  /** Keys that were asked for and are not answered. */
  readonly inFlight: number;
  /** Whether one more key may be asked for now. */
  readonly hasRoom: boolean;
  /** @param asking whether the key may be at a node that is only taking its slot over */
  send(key: FoundKey, asking: boolean): void;
  /** The same for keys that are next in the queue, one or more of them; returns how many are taken out of it. */
  sendNext?(keys: KeyQueue, most: number): number;
  /** The same for a value that is to be read in pieces, where the reader can leave it to others. */
  sendLarge?(key: FoundKey): void;
  /** The same for a value whose size breaks connections, it seems: how large it is, is worth to know. */
  sendBreaking?(key: FoundKey): void;
  /** The server says that it holds more than when it was met: values may be large that were not. */
  grew?(info: ServerInfo): void;
  /** Asks on about keys that it has taken and could not send. */
  goOn?(): void;
  /**
   * Hands out the keys that were never answered: the connection failed.
   * @param waiting gets those that were not on the way then, where that is to be told
   */
  drain(lost: (key: FoundKey) => void, waiting?: (key: FoundKey) => void): void;
}
