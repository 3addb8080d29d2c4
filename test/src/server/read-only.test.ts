// The one list of what a source may be asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READ_ONLY } from '../../../src/server/read-only.ts';

test('READ_ONLY holds what finds its way and for what looks', () => {
  const names = [
    ...'AUTH,CLIENT SETNAME,SELECT,PING,INFO,TIME,DBSIZE,SCAN,DUMP,PTTL,PEXPIRETIME,TYPE,EXISTS'.split(','),
    ...'MEMORY USAGE,OBJECT IDLETIME,OBJECT FREQ,ASKING,WATCH,MULTI,EXEC,CLUSTER SLOTS,CLUSTER NODES'.split(','),
    ...'CLIENT ID,CLIENT TRACKING,SUBSCRIBE,PUBSUB CHANNELS,SENTINEL GET-MASTER-ADDR-BY-NAME'.split(','),
  ];
  for (const name of names) assert.equal(READ_ONLY.has(name), true, name);
});

test('READ_ONLY holds nothing that may change a server, and nothing that nobody thought of', () => {
  const names = [
    ...'SET,DEL,UNLINK,RESTORE,MIGRATE,EXPIRE,PEXPIREAT,PERSIST,RENAME,COPY,MOVE,FLUSHALL,FLUSHDB,SWAPDB'.split(','),
    ...'EVAL,EVALSHA,FCALL,EVAL_RO,CONFIG SET,CONFIG,CLIENT KILL,CLIENT,CLIENT PAUSE,DEBUG,SHUTDOWN'.split(','),
    ...'PUBLISH,PUBSUB,REPLICAOF,SLAVEOF,FAILOVER,DISCARD,GETDEL,GETEX,GET,TOUCH,OBJECT,WAIT,SAVE,BGSAVE,MODULE LOAD'.split(
      ',',
    ),
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
  for (const name of names) assert.equal(READ_ONLY.has(name), false, name);
});
