// What a server says of values that are too large to be dumped: the type, and how many elements there are. Neither takes it any time.

import { ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { RoutedClient } from '../cluster/routed-client.ts';
import { ELEMENT_BYTES } from '../keys/measuring-reader.ts';
import { COUNT_COMMANDS } from '../keys/value-end.ts';

/** So often a question is asked whose connection was lost. */
const MOST_TRIES = 3;
/** What TYPE says of a key that is not there. */
export const GONE = 'none';

const COUNTS = new Map<string, string>(Object.entries(COUNT_COMMANDS));

export class LargeFacts {
  readonly #client: RoutedClient;

  constructor(deployment: Deployment, options: NodeLinkOptions) {
    this.#client = new RoutedClient(deployment, options);
  }

  /** As TYPE names it, or `GONE`; `undefined` where the server will not say. */
  async typeOf(db: number, key: Buffer): Promise<string | undefined> {
    const reply = await this.#ask(db, key, 'TYPE');
    return Buffer.isBuffer(reply) ? reply.toString() : undefined;
  }

  /** Elements, or the bytes of a string; `undefined` where the server will not say. */
  async lengthOf(db: number, key: Buffer, type: string): Promise<number | undefined> {
    const command = COUNTS.get(type);
    const reply = command === undefined ? undefined : await this.#ask(db, key, command);
    return typeof reply === 'number' ? reply : undefined;
  }

  /** Bytes that it takes, about, where the server tells no memory of it; `undefined` where it tells no length either. */
  async sizeOf(db: number, key: Buffer, type: string): Promise<number | undefined> {
    const length = await this.lengthOf(db, key, type);
    return length && length * (type === 'string' ? 1 : ELEMENT_BYTES);
  }

  /** Ends what is under way; it rejects with the reason. */
  stop(reason: Error): void {
    this.#client.stop(reason);
  }

  close(): void {
    this.#client.close();
  }

  async #ask(db: number, key: Buffer, command: string): Promise<Reply | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        const [reply] = await this.#client.ask(db, key, [[command, key]]);
        return reply;
      } catch (error) {
        // Where nobody serves its slot, whoever reads the key finds that out as well.
        if (error instanceof ReplyError) return undefined;
        if (!(error instanceof RespError && error.retryable) || tries === MOST_TRIES) throw error;
      }
    }
  }
}
