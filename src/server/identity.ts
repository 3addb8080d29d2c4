// Asks a server who it is, and whether it is always the same one that answers.

import type { Connection } from '../../resp/connection.ts';
import { misanswered } from './reply-shapes.ts';
import { parseInfo, type ServerInfo } from './info.ts';

/** How often a server is asked in a row which process it is, where it was another one before. */
const IDENTITY_PROBES = 4;

type Asked = Pick<Connection, 'request' | 'peer'>;

/** @throws RespError */
export async function askInfo(server: Asked): Promise<ServerInfo> {
  const reply = await server.request('INFO');
  if (!Buffer.isBuffer(reply)) throw misanswered(server.peer, 'INFO');
  return parseInfo(reply.toString());
}

/** Whether a proxy has several servers behind it, and lets another one answer each time: it says nothing of any. */
export async function hasManyServers(server: Asked, { runId }: ServerInfo): Promise<boolean> {
  const infos = await Promise.all(Array.from({ length: IDENTITY_PROBES }, () => askInfo(server)));
  return infos.some((info) => info.runId !== runId);
}
