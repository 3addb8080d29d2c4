// A peer on this machine that speaks TLS and behaves as a test says.
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { certificates } from './certificates.ts';
import { HOST } from './peer.ts';

/** It shows the certificate for localhost, unless `options` has another, and lasts as long as `run` takes. */
export async function withTlsPeer(
  options: TlsOptions,
  behave: (socket: TLSSocket) => void,
  run: (port: number) => Promise<void>,
): Promise<void> {
  const { cert, key } = certificates.server;
  const sockets: Socket[] = [];
  const server = createServer({ cert, key, ...options }, behave);
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
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
