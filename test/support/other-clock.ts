// A way to a server on which its clock seems to be another one: the replies of TIME are changed, and nothing else.
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { TestContext } from 'node:test';

/** Seconds since 1970 and microseconds. */
const TIME = /(?<=\*2\r\n\$10\r\n)\d{10}(?=\r\n\$\d\r\n\d+\r\n)/g;

/** @returns its address. @param ahead seconds by which the clock seems to be ahead */
export async function withOtherClock(t: TestContext, port: number, ahead: number): Promise<string> {
  const proxy = createServer((client) => {
    const server = createConnection({ port, host: '127.0.0.1' });
    client.pipe(server);
    server.on('data', (bytes) => {
      const changed = bytes.toString('latin1').replace(TIME, (seconds) => String(Number(seconds) + ahead));
      client.write(Buffer.from(changed, 'latin1'));
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  const address = proxy.address();
  return `redis://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
