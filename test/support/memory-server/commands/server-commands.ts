// Commands about the server and its databases: INFO, TIME, MEMORY, DBSIZE, FLUSHALL.
import { OK, type Reply } from '../reply.ts';
import { infoText } from '../info-text.ts';
import { syntaxError, wordOf } from './argument.ts';
import type { CommandGroup } from './command.ts';

export const serverCommands: CommandGroup = {
  INFO: {
    least: 0,
    most: Infinity,
    run: (args, { server }) =>
      infoText(
        server,
        args.map((arg) => arg.toString('latin1').toLowerCase()),
      ),
  },
  TIME: { least: 0, most: 0, run: time },
  /** Tells nothing of any key, as some proxies do. */
  MEMORY: { least: 2, most: 4, run: () => null },
  DBSIZE: { least: 0, most: 0, run: (_, { database }) => database.size },
  FLUSHALL: {
    least: 0,
    most: 1,
    run: (args, { server }) => {
      if (args.length > 0 && !['SYNC', 'ASYNC'].includes(wordOf(args[0]))) throw syntaxError();
      for (const database of server.databases) database.clear();
      return OK;
    },
  },
};

function time(): Reply {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return [String(Math.floor(micros / 1_000_000)), String(micros % 1_000_000)];
}
