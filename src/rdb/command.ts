// A native command as its arguments, name first.

export type Command = Buffer[];

export function command(...args: readonly (string | Buffer)[]): Command {
  return args.map((arg) => (typeof arg === 'string' ? Buffer.from(arg) : arg));
}
