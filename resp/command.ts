// A command's name, ready to be written: its frame's head is encoded once.

import { Literal } from './literal.ts';

export class Command {
  /** One word, or two where the second is a subcommand: `CLIENT SETNAME`. */
  readonly name: string;
  /** `*3\r\n$4\r\nSCAN\r\n`: the array's length and the name; the arguments follow. */
  readonly head: Literal;
  /** The list on which it was found last, so that one that is sent for every key is looked up once. */
  #list: ReadonlySet<string> | undefined;

  /** @param args how many arguments follow the name */
  constructor(name: string, args: number) {
    const words = name.split(' ');
    this.name = name;
    this.head = new Literal(
      `*${words.length + args}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`,
    );
  }
  isOn(list: ReadonlySet<string>): boolean {
    if (this.#list === list) return true;
    if (!list.has(this.name)) return false;
    this.#list = list;
    return true;
  }
}
