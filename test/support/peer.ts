// A peer on this machine that behaves as a test says, plain or by TLS, for servers that do what no real one does.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { certificates } from './certificates.ts';

export const HOST = '127.0.0.1';

type Run = (port: number) => Promise<void>;

/** A peer that does what `behave` says with each connection, for as long as `run` takes. */
export function withPeer(behave: (socket: Socket) => void, run: Run): Promise<void> {
  const server = createServer((socket) => behave(socket.on('error', () => {})));
  return serve(server, run);
}

/** The same by TLS. It shows the certificate for localhost, unless `options` has another. */
export function withTlsPeer(options: TlsOptions, behave: (socket: TLSSocket) => void, run: Run): Promise<void> {
  const { cert, key } = certificates.server;
  const server = createTlsServer({ cert, key, ...options }, behave);
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  return serve(server, run);
}

async function serve(server: Server, run: Run): Promise<void> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
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
