// The commands of a control socket: what each takes, what it does to a run, and what it answers. One that is wrong changes
// nothing.

import { countOf } from '../../resp/figures.ts';
import { bulkReply, errorReply, listReply, okReply, pongReply } from '../../resp/server-replies.ts';
import type { Controls, StatusReport } from './controls.ts';
import { duration, size, wholeNumber, type Quantity } from './quantities.ts';

interface ControlCommand {
  /** What follows its name; without it nothing may. */
  readonly takes?: string;
  readonly help: string;
  /** Returns the reply, where it is another than OK. @throws Refused */
  readonly act: (controls: Controls, argument: string | undefined) => string | void;
}

/** Why a command is not done: what was expected. */
class Refused extends Error {}

const MOST_SHOWN = 40;
/** A pause and a cutover at once. */
const WAITS = 'what is still to be written waits for RESUME, and the cutover gives up after --cutover-timeout';
const keys = wholeNumber(1);

const COMMANDS: Readonly<Record<string, ControlCommand>> = {
  STATUS: { takes: '[JSON]', help: 'how far the run is, a name and its value a line', act: report },
  PAUSE: { help: 'read and write nothing more, until RESUME', act: pause },
  RESUME: { help: 'go on', act: (controls) => controls.resume() },
  BWLIMIT: {
    takes: 'SIZE|0',
    help: 'most bytes a second, such as 10M; 0 is no limit',
    act: (controls, text) => controls.setLimits({ bytesPerSecond: rateOf(size, text) }),
  },
  TPSLIMIT: {
    takes: 'N|0',
    help: 'most keys a second; 0 is no limit',
    act: (controls, text) => controls.setLimits({ keysPerSecond: rateOf(keys, text) }),
  },
  MAXLATENCY: {
    takes: 'TIME',
    help: 'longest wait of other clients of the source, such as 50ms',
    act: (controls, text) => controls.setLimits({ maxLatency: valueOf(duration, text) }),
  },
  CUTOVER: { help: 'the writers have stopped: come to the end', act: cutOver },
  ABORT: { help: 'stop as SIGTERM does, with exit code 75', act: (controls) => controls.abort() },
  PING: { help: 'answer PONG', act: pongReply },
  QUIT: { help: 'hang up', act: () => {} },
  HELP: { help: 'list the commands', act: list },
  COMMAND: { help: 'the same', act: list },
};

/** As they are typed. */
export const CONTROL_COMMANDS: readonly string[] = Object.keys(COMMANDS).map((name) => name.toLowerCase());

/** What answers a command, given in words, by a whole reply. */
export function answersOf(controls: Controls): (words: readonly string[]) => string {
  return ([word = '', ...args]) => {
    const name = word.toUpperCase();
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined)
      return errorReply(`ERR unknown command ${quoted(word)}: HELP lists those that there are`);
    const { takes, act } = command;
    if (args.length > (takes === undefined ? 0 : 1)) return errorReply(`ERR ${name} takes ${takes ?? 'nothing'}`);
    try {
      return act(controls, args[0]) ?? okReply();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return errorReply(`ERR Cannot use ${args[0] === undefined ? name : quoted(args[0])}: ${error.message}`);
    }
  };
}

function report(controls: Controls, format: string | undefined): string {
  if (format === undefined) return bulkReply(statusText(controls.status()));
  if (format.toUpperCase() !== 'JSON') throw new Refused('STATUS takes nothing, or JSON');
  return bulkReply(JSON.stringify(controls.status()));
}

function cutOver(controls: Controls): string | void {
  if (controls.cutover === undefined) throw new Refused('only a run with --live has a cutover');
  if (controls.isStopping) throw new Refused('the run stops before it is done');
  controls.cutover();
  if (controls.status().paused) return bulkReply(`OK, but the run is paused: ${WAITS}`);
}

function pause(controls: Controls): string | void {
  controls.pause();
  if (controls.status().phase === 'cutover') return bulkReply(`OK, but the cutover is under way: ${WAITS}`);
}

function list(): string {
  return listReply(
    Object.entries(COMMANDS).map(([name, { takes, help }]) => {
      return `${(takes === undefined ? name : `${name} ${takes}`).padEnd(17)}${help}`;
    }),
  );
}

function rateOf(quantity: Quantity, text: string | undefined): number {
  return text === '0' ? Infinity : valueOf(quantity, text, '; 0 is no limit');
}

function valueOf({ parse, expected }: Quantity, text = '', besides = ''): number {
  const value = parse(text);
  if (value === undefined) throw new Refused(expected + besides);
  return value;
}

/** What somebody sent may be anything. */
function quoted(text: string): string {
  const line = text.replaceAll(/[^ -~]/g, '?');
  return `'${line.length > MOST_SHOWN ? `${line.slice(0, MOST_SHOWN)}…` : line}'`;
}

/** Lines of a name and a value each. Figures are plain: they may be read by programs. */
export function statusText(status: StatusReport): string {
  const { fraction, keysPerSecond, bytesPerSecond, bwlimit, tpslimit, behind, lag } = status;
  const lines: (readonly [string, string | number])[] = [
    ['phase', status.phase],
    ['paused', status.paused ? 'yes' : 'no'],
    ...(status.partition === null ? [] : [['partition', status.partition] as const]),
    // Rounded down: 100 % means done.
    ['done', `${Math.floor(fraction * 100)} %`],
    ['keys', status.keys],
    ['bytes', status.bytes],
    ['rate', `${countOf(keysPerSecond, 'key')}/s, ${countOf(bytesPerSecond, 'byte')}/s`],
    ['skipped', status.skipped],
    ['expired', status.expired],
    ['failed', status.failed],
    ['reconnects', status.reconnects],
    ['elapsed', `${(status.elapsed / 1000).toFixed(1)} s`],
    ['bwlimit', bwlimit === null ? 'none' : `${countOf(bwlimit, 'byte')}/s`],
    ['tpslimit', tpslimit === null ? 'none' : `${countOf(tpslimit, 'key')}/s`],
    ['max-latency', `${status.maxLatency} ms`],
    ...(behind === undefined ? [] : [['behind', countOf(behind, 'key')] as const]),
    ...(lag === undefined ? [] : [['lag', lag === null ? 'unknown' : `${(lag / 1000).toFixed(1)} s`] as const]),
  ];
  return lines.map(([name, value]) => `${name}: ${value}\n`).join('');
}
