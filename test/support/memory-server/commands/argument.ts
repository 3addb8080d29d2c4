// Arguments of commands, understood as Redis understands them.
import { CommandError } from '../reply.ts';

const INTEGER = /^(0|-?[1-9]\d{0,18})$/;
const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INFINITY = /^[+-]?inf(inity)?$/i;

export function keyOf(arg: Buffer | undefined): string {
  return arg!.toString('latin1');
}

/** An option or the like, in capitals. */
export function wordOf(arg: Buffer | undefined): string {
  return arg!.toString('latin1').toUpperCase();
}

export function integerOf(arg: Buffer | undefined): number {
  const text = arg!.toString('latin1');
  const isInteger = INTEGER.test(text) && BigInt(text) === BigInt.asIntN(64, BigInt(text));
  if (!isInteger) throw new CommandError('ERR value is not an integer or out of range');
  return Number(text);
}

export function floatOf(arg: Buffer | undefined): number {
  const text = arg!.toString('latin1');
  if (INFINITY.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (!FLOAT.test(text)) throw new CommandError('ERR value is not a valid float');
  return Number(text);
}

export function syntaxError(): CommandError {
  return new CommandError('ERR syntax error');
}

export function wrongArity(name: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}
