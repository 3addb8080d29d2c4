// The program of a proxy process: proxy-main PORT DELAY listens, prints its own port and runs until it is killed.
import { startProxy } from '../support/tcp-proxy.ts';

const [port, delay] = process.argv.slice(2).map(Number);
if (port === undefined || delay === undefined) throw new Error('The arguments are PORT and DELAY');
const proxy = await startProxy({ port, delay });
process.stdout.write(`${proxy.port}\n`);
