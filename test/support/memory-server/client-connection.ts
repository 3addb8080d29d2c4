// The socket of one client: requests in, replies out, and no request is run while the client does not read.
import type { Socket } from 'node:net';
import { execute } from './commands/command-table.ts';
import { ReplyWriter } from './reply-writer.ts';
import { ProtocolError, RequestParser } from './request-parser.ts';
import type { ServerState } from './server-state.ts';
import { Session } from './session.ts';

export class ClientConnection {
  readonly #socket: Socket;
  readonly #session: Session;
  readonly #parser = new RequestParser();
  readonly #writer: ReplyWriter;

  constructor(socket: Socket, server: ServerState) {
    this.#socket = socket;
    this.#session = new Session(server);
    this.#writer = new ReplyWriter(socket);
    socket.on('data', (chunk) => {
      this.#parser.push(chunk);
      this.#run();
    });
    socket.on('drain', () => {
      socket.resume();
      this.#run();
    });
    // 'close' follows; a client that is gone is nobody's failure.
    socket.on('error', () => {});
  }

  close(): void {
    this.#socket.destroy();
  }

  #run(): void {
    const socket = this.#socket;
    socket.cork();
    try {
      while (!socket.writableNeedDrain) {
        const request = this.#parser.next();
        if (request === undefined) break;
        if (this.#session.server.hangsUpOn.has(request[0]!.toString('latin1').toUpperCase())) {
          socket.destroy();
          return;
        }
        this.#writer.write(execute(this.#session, request));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#writer.write(error.reply);
      this.#writer.flush();
      socket.end();
    }
    this.#writer.flush();
    socket.uncork();
    if (socket.writableNeedDrain) socket.pause();
  }
}
