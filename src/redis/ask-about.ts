// Commands about one key, and their replies, wherever the key is.

import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';

/** Sends commands about the key and returns the replies, errors among them. */
export type AskAbout = (commands: readonly (readonly (string | Buffer)[])[]) => Promise<readonly Reply[]>;

/** @throws ReplyError where the server will not say */
export async function askOne(ask: AskAbout, ...command: readonly (string | Buffer)[]): Promise<Reply> {
  const [reply] = await ask([command]);
  if (reply instanceof ReplyError) throw reply;
  return reply!;
}
