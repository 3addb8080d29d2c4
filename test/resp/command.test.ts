// A command's head as bytes, and whether it is on a list.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from '../../resp/command.ts';

function headOf(command: Command): string {
  const bytes = Buffer.alloc(256);
  const end = command.head.writeTo(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  return bytes.toString('latin1', 0, end);
}

test('Command.head counts the name and the arguments that follow', () => {
  assert.equal(headOf(new Command('PING', 0)), '*1\r\n$4\r\nPING\r\n');
  assert.equal(headOf(new Command('SCAN', 3)), '*4\r\n$4\r\nSCAN\r\n');
  assert.equal(headOf(new Command('RESTORE', 12)), '*13\r\n$7\r\nRESTORE\r\n');
});

test('Command.head writes a subcommand as a word of its own', () => {
  assert.equal(headOf(new Command('CLIENT SETNAME', 1)), '*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n');
});

test('Command.isOn() goes by the whole name, and by the list that it is given', () => {
  const command = new Command('CLIENT INFO', 0);
  const [listed, unlisted] = [new Set(['PING', 'CLIENT INFO']), new Set(['CLIENT', 'client info', 'CLIENT INFO '])];
  const found = [listed, listed, unlisted, listed, unlisted].map((list) => command.isOn(list));
  assert.deepEqual(found, [true, true, false, true, false]);
});
