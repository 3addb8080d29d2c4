// A command's head as bytes, and the one list of what a source may be asked.
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

test('Command.readOnly is true for what finds its way and for what looks', () => {
  const names = [
    ...'AUTH,CLIENT SETNAME,SELECT,PING,INFO,TIME,DBSIZE,SCAN,DUMP,PTTL,PEXPIRETIME,TYPE,EXISTS'.split(','),
    ...'MEMORY USAGE,OBJECT IDLETIME,OBJECT FREQ,ASKING,WATCH,MULTI,EXEC,CLUSTER SLOTS,CLUSTER NODES'.split(','),
    'SENTINEL GET-MASTER-ADDR-BY-NAME',
  ];
  for (const name of names) assert.equal(new Command(name, 0).readOnly, true, name);
});

test('Command.readOnly is false for whatever may change a server, and for whatever nobody thought of', () => {
  const names = [
    ...'SET,DEL,UNLINK,RESTORE,MIGRATE,EXPIRE,PEXPIREAT,PERSIST,RENAME,COPY,MOVE,FLUSHALL,FLUSHDB,SWAPDB'.split(','),
    ...'EVAL,EVALSHA,FCALL,EVAL_RO,CONFIG SET,CONFIG,CLIENT KILL,CLIENT,CLIENT PAUSE,DEBUG,SHUTDOWN'.split(','),
    ...'REPLICAOF,SLAVEOF,FAILOVER,DISCARD,GETDEL,GETEX,GET,TOUCH,OBJECT,WAIT,SAVE,BGSAVE,MODULE LOAD'.split(','),
    ...'CLUSTER,CLUSTER RESET,CLUSTER FAILOVER,CLUSTER SETSLOT,SENTINEL,SENTINEL FAILOVER,SENTINEL SET'.split(','),
    ...'SENTINEL REMOVE,MEMORY,MEMORY PURGE,OBJECT ENCODING,OBJECT IDLETIME SET'.split(','),
    '',
    'scan',
    ' SCAN',
    'SCAN ',
    'PING SET',
    'CLIENT SETNAME KILL',
    'INFO\r\nSET',
    'toString',
    '__proto__',
  ];
  for (const name of names) assert.equal(new Command(name, 0).readOnly, false, name);
});
