// A peer on this machine that behaves as a test says, for servers that do what no real one does.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export const HOST = '127.0.0.1';

/** A peer that does what `behave` says with each connection, for as long as `run` takes. */
export async function withPeer(behave: (socket: Socket) => void, run: (port: number) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    behave(socket);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}
