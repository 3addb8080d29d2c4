// Commands about one key, wherever it is, and what their replies have to look like. A peer that answers otherwise is not
// understood: where it was asked about a value only the key suffers, and nobody goes on where it was asked about itself.

import type { Argument, Connection } from '../../resp/connection.ts';
import { nameOf, ProtocolError, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
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

/** @throws RespError `PAYLOAD` */
export function bytesIn(reply: Reply | undefined, command: string): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw nonsense(command);
}

/** @throws RespError `PAYLOAD`, also where it does not match */
export function textIn(reply: Reply | undefined, command: string, pattern: RegExp): string {
  const text = bytesIn(reply, command).toString('latin1');
  if (pattern.test(text)) return text;
  throw nonsense(command);
}

/** @throws RespError `PAYLOAD` */
export function listIn(reply: Reply | undefined, command: string): readonly Reply[] {
  if (Array.isArray(reply)) return reply as readonly Reply[];
  throw nonsense(command);
}

/**
 * @param multiple how many belong together
 * @throws RespError `PAYLOAD`
 */
export function stringsIn(reply: Reply | undefined, command: string, multiple = 1): readonly Buffer[] {
  const list = listIn(reply, command);
  if (list.length % multiple !== 0) throw nonsense(command);
  for (const element of list) bytesIn(element, command);
  return list as readonly Buffer[];
}

/**
 * @param least what no reply to this command is below
 * @throws RespError `PAYLOAD`
 */
export function integerIn(reply: Reply | undefined, command: string, least = -Infinity): number | bigint {
  if ((typeof reply === 'number' || typeof reply === 'bigint') && reply >= least) return reply;
  throw nonsense(command);
}

/** @returns RespError `PAYLOAD` */
export function nonsense(command: string): RespError {
  return new RespError('PAYLOAD', `Cannot read the value: what ${command} was answered with is no reply to it`);
}

/** Of a reply that is neither an error nor what this command is answered with: it says nothing, not even that nothing is there. */
export function misanswered(peer: Peer, command: string): ProtocolError {
  return new ProtocolError(`Cannot talk to ${nameOf(peer)}: it answers ${command} with something else`, { peer });
}

/** Ends the connection of a peer that is not understood. */
export function failMisanswered(connection: Pick<Connection, 'peer' | 'fail'>, command: string): void {
  connection.fail(misanswered(connection.peer, command));
}

/**
 * What DBSIZE says; 0 where the server will not say: a proxy may not know it, and then nothing is taken for granted.
 * @throws ProtocolError
 */
export function sizeIn(reply: Reply | undefined, peer: Peer): number {
  if (reply instanceof ReplyError) return 0;
  if (typeof reply === 'number' && reply >= 0) return reply;
  throw misanswered(peer, 'DBSIZE');
}
