// ASKING: the next command on this connection may go to a slot that its node is only just taking over.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import type { Receiver } from '../../resp/reply.ts';

const ASKING = new Command('ASKING', 0);

/** It is always `+OK`; whether the slot was right, the command behind it says. */
const NOBODY: Receiver = { onReply() {}, onOks() {}, onFailure() {} };

export function ask(connection: Connection): void {
  connection.begin(ASKING, NOBODY);
}
