// Asks a server who it is, and whether it is always the same one that answers.

import type { Connection } from '../../resp/connection.ts';
import { parseInfo, type ServerInfo } from './info.ts';

/** How often a server is asked in a row which process it is, where it was another one before. */
const IDENTITY_PROBES = 4;

type Asked = Pick<Connection, 'request'>;

export async function askInfo(server: Asked): Promise<ServerInfo> {
  return parseInfo(String(await server.request('INFO')));
}

/** Whether a proxy has several servers behind it, and lets another one answer each time: it says nothing of any. */
export async function hasManyServers(server: Asked, { runId }: ServerInfo): Promise<boolean> {
  const infos = await Promise.all(Array.from({ length: IDENTITY_PROBES }, () => askInfo(server)));
  return infos.some((info) => info.runId !== runId);
}
