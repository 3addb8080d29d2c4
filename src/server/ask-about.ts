// Commands about one key, and their replies, wherever the key is.

import type { Argument } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';

type Command = readonly Argument[];

/** Sends commands about the key and returns the replies, errors among them: `demand` is for all who do not expect any. */
export type AskAbout = (commands: readonly Command[]) => Promise<readonly Reply[]>;

/**
 * The replies, where every command was done.
 * @param mayFail the names of those whose reply may be an error, which the caller looks at
 * @throws ReplyError: the first of the others that was not
 */
export async function demand(
  ask: AskAbout,
  commands: readonly Command[],
  mayFail: readonly string[] = [],
): Promise<readonly Reply[]> {
  const replies = await ask(commands);
  for (const [i, reply] of replies.entries()) {
    if (reply instanceof ReplyError && !mayFail.includes(String(commands[i]![0]))) throw reply;
  }
  return replies;
}

/** @throws ReplyError where the server will not say */
export async function askOne(ask: AskAbout, ...command: Command): Promise<Reply> {
  const [reply] = await demand(ask, [command]);
  return reply!;
}

/** What the server said against a command, as a reply like others. @throws whatever else went wrong */
export function replyOf(error: unknown): ReplyError {
  if (error instanceof ReplyError) return error;
  throw error;
}
