// A proxy in front of a real server that answers what it wants itself, for servers and proxies that are broken or odd.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { TestClient, type Reply } from './client.ts';
import { array, bulk, error, integer, nil } from './frames.ts';
import { RequestParser } from './memory-server/request-parser.ts';

/** What stands in the place of the server's reply, if anything; `undefined` leaves it as it is. */
export type Answer = (
  args: readonly string[],
  reply: Reply,
  client: Socket,
) => Buffer | undefined | Promise<Buffer | undefined>;

export interface ReplyProxy {
  readonly url: string;
  /** How often a command came, by its name in capitals. */
  readonly calls: ReadonlyMap<string, number>;
}

export async function replyProxy(t: TestContext, port: number, answer: Answer): Promise<ReplyProxy> {
  const calls = new Map<string, number>();
  const ends: (() => unknown)[] = [];
  const listener = createServer({ noDelay: true }, (socket) => {
    const server = TestClient.connect({ port });
    const parser = new RequestParser();
    let turn: Promise<unknown> = server;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      parser.push(bytes);
      for (let next = parser.next(); next !== undefined; next = parser.next()) {
        const request = next;
        const words = request.map((word) => word.toString('latin1'));
        const name = words[0]!.toUpperCase();
        calls.set(name, (calls.get(name) ?? 0) + 1);
        const reply = server.then((client) => client.pipeline([request]));
        turn = Promise.all([turn, reply])
          .then(async ([, [reply]]) => (await answer([name, ...words.slice(1)], reply!, socket)) ?? frameOf(reply!))
          .then((frame) => socket.write(frame))
          .catch(() => socket.destroy());
      }
    });
    const end = async (): Promise<void> => {
      socket.destroy();
      await server.then((client) => client.close()).catch(() => {});
    };
    socket.once('close', () => void end());
    ends.push(end);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(async () => {
    listener.close();
    await Promise.all(ends.map((end) => end()));
  });
  return { url: `redis://127.0.0.1:${(listener.address() as AddressInfo).port}`, calls };
}

export function frameOf(reply: Reply): Buffer {
  if (reply === null) return nil;
  if (typeof reply === 'number' || typeof reply === 'bigint') return integer(reply);
  if (reply instanceof Error) return error(reply.message);
  return Array.isArray(reply) ? array(...reply.map(frameOf)) : bulk(reply);
}
