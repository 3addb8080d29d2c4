// The table of commands: what each is called, takes and says of itself. What it does is loaded once it is asked for.

import { CONTROL_COMMANDS } from '../sync/control-commands.ts';
import type { Command, Commands } from './command.ts';
import { flagsOf } from './flags/options.ts';
import { help, version } from './help.ts';
import type { WORK } from './work.ts';

const copy: Command = {
  name: 'copy',
  noun: 'a copy',
  help: {
    summary: 'copies the keys; it may be left out',
    usage: '--from ENDPOINT --to ENDPOINT [options]',
  },
  flags: flagsOf(
    ['Endpoints', 'TLS and clusters', 'Which keys', 'Copy', 'Following', 'Load', 'Output', 'Frames'],
    ['ttl-tolerance', 'recheck', 'recheck-interval', 'plan', 'partition'],
  ),
  stdoutFlags: { to: 'the stream' },
  run: work('copy'),
};

const CHECK_HEAD = `Compares the keys of two databases, clusters or files by value, type and
expiry, and writes nothing. A key that differs is looked at again, as it may
be about to be copied. Each difference is a line on stdout:

  + key     only the source has it
  - key     only the target has it
  * key     both have it: what differs stands behind a tab

rump help says what an ENDPOINT is.
`;

const CHECK_TAIL = `Exit code: 0 both sides are equal, 1 something could not be compared, 2 the
command line cannot be used, 3 there are differences, 75 broken off for a
reason that may pass: try again later, 129, 130 or 143 interrupted.
`;

const check: Command = {
  name: 'check',
  noun: 'a check',
  help: {
    summary: 'compares both sides by value and writes to neither',
    usage: '--from ENDPOINT --to ENDPOINT [options]',
    head: CHECK_HEAD,
    tail: CHECK_TAIL,
  },
  flags: flagsOf(
    ['Endpoints', 'TLS and clusters', 'Which keys', 'Check', 'Output', 'Frames'],
    [
      ...(['plan', 'partition', 'ttl', 'no-ttl', 'count', 'buffer', 'big-key'] as const),
      ...(['max-latency', 'max-reply', 'retries', 'retry-max', 'timeout'] as const),
    ],
  ),
  stdoutFlags: { combined: 'its lines' },
  run: work('check'),
};

const PLAN_HEAD = `Shares the slots of a cluster out among N processes, by the nodes that serve
them now and by the keys that these hold, and prints the plan as JSON. Each
process then copies one part, on whichever machine it runs:

  rump plan --workers 4 --from redis://node:6379 > plan.json
  rump --plan plan.json --partition 2/4 --from ... --to ...

Slots may move meanwhile: a part is a set of slots, wherever they are. With more
processes than nodes, nodes are cut through; such a plan is not for --live.
`;

const PLAN_TAIL = `Exit code: 0 the plan is printed, 1 the cluster cannot be asked, 2 the command
line cannot be used, or the source is no cluster, 75 it cannot be asked now.
`;

const plan: Command = {
  name: 'plan',
  noun: 'a plan',
  help: {
    summary: 'shares a cluster out among several processes',
    usage: '--workers N --from CLUSTER [options]',
    head: PLAN_HEAD,
    tail: PLAN_TAIL,
  },
  flags: flagsOf(
    ['Frames'],
    [
      ...(['from', 'from-password-file', 'from-sentinel-password-file', 'from-nat'] as const),
      ...(['from-tls-ca', 'from-tls-cert', 'from-tls-key', 'from-tls-servername', 'from-tls-insecure'] as const),
      ...(['workers', 'retries', 'retry-max', 'timeout', 'debug'] as const),
    ],
  ),
  run: work('plan'),
};

const INSPECT_HEAD = `Shows what is in keys of a server, a cluster or a file: type, encoding, version
and checksum of the payload, expiry, and the elements. A key is given as it is, or
between double quotes with the escapes of redis-cli: '"\\x00\\xff"'.

Without keys it reads all that is in scope, and prints tables: by type, by
database, by prefix, by node and slot of a cluster, the largest keys, and the
hottest where the server counts. Bytes are those of the payloads that DUMP gives.

Of a folder it prints what a run with --record DIR has kept: each connection, and
each command that went over it with its reply behind it. What a server sends to
its replicas stands behind what the link to it was sent.
`;

const INSPECT_TAIL = `Exit code: 0 it is printed, 1 a key is not there, or something cannot be read,
2 the command line cannot be used, 75 broken off for a reason that may pass: try
again later, 129, 130 or 143 interrupted.
`;

const inspect: Command = {
  name: 'inspect',
  noun: 'an inspection',
  help: {
    summary: 'shows what keys or a keyspace hold, or what a run has recorded',
    usage: 'ENDPOINT|DIR [KEY...] [options]',
    head: INSPECT_HEAD,
    tail: INSPECT_TAIL,
  },
  flags: flagsOf(
    ['Inspect'],
    [
      ...(['from-password-file', 'from-sentinel-password-file', 'from-nat', 'from-tls-ca', 'from-tls-cert'] as const),
      ...(['from-tls-key', 'from-tls-servername', 'from-tls-insecure', 'db', 'match', 'exclude', 'type'] as const),
      ...(['count', 'buffer', 'big-key', 'max-latency', 'max-reply', 'retries', 'retry-max', 'timeout'] as const),
      ...(['trace-bytes', 'trace-match', 'trace-format', 'progress', 'silent', 'json', 'debug'] as const),
    ],
  ),
  operands: 'anything',
  run: work('inspect'),
};

const CTL_HEAD = `Speaks to a run that was started with --control SOCKET, or to all runs whose
sockets are in the folder DIR. COMMAND is one of

  status [json]      how far it is: phase, keys, bytes, rate, failed, limits
  pause, resume      read and write nothing more; go on
  bwlimit SIZE|0     most bytes a second; 0 is no limit
  tpslimit N|0       most keys a second; 0 is no limit
  maxlatency TIME    longest wait of other clients of the source
  cutover            the writers have stopped: come to the end (--live)
  abort              stop as SIGTERM does, with exit code 75
  help               what this run understands

redis-cli -s SOCKET COMMAND does the same. To a folder, status tells of each run
and of the whole, and cutover waits until all are in sync, --cutover-timeout at
most: where one does not get there, or is lost, nobody is told to cut over.
`;

const CTL_TAIL = `Exit code: 0 it is done, 1 a run refuses, or nobody listens there, 2 the
command line cannot be used, 75 not all were in sync in time.
`;

const ctl: Command = {
  name: 'ctl',
  noun: 'ctl',
  help: {
    summary: 'speaks to a run that has --control, or to several',
    usage: 'SOCKET|DIR COMMAND [ARGUMENT]',
    head: CTL_HEAD,
    tail: CTL_TAIL,
  },
  flags: flagsOf([], ['cutover-timeout', 'debug']),
  operands: 'anything',
  subcommands: CONTROL_COMMANDS,
  run: work('ctl'),
};

const REPORT_HEAD = `Sums up what several workers have done, from their logs (--log FILE, or the
output of --json): a line for each part, the whole, the slowest worker, what was
warned of, and the keys that failed. Of a part that was started again the last
run counts.
`;

const REPORT_TAIL = `Exit code: 0 every part is there and complete, 1 one is not, or a file cannot
be read, 2 the command line cannot be used, 3 both sides are not the same.
`;

const report: Command = {
  name: 'report',
  noun: 'report',
  help: {
    summary: 'sums up the logs of several workers',
    usage: 'FILE... [--json]',
    head: REPORT_HEAD,
    tail: REPORT_TAIL,
  },
  flags: flagsOf([], ['json', 'debug']),
  operands: 'anything',
  run: work('report'),
};

const COMPLETION_HEAD = `Prints what makes a shell complete commands, flags and their values:

  bash    source <(rump completion bash)
  zsh     rump completion zsh > DIR/_rump, where DIR is one of $fpath
  fish    rump completion fish > ~/.config/fish/completions/rump.fish
`;

const COMPLETION_TAIL = `Exit code: 0 it is printed, 2 the command line cannot be used.
`;

const completion: Command = {
  name: 'completion',
  noun: 'completion',
  help: {
    summary: 'prints the completions for a shell',
    usage: 'bash|zsh|fish',
    head: COMPLETION_HEAD,
    tail: COMPLETION_TAIL,
  },
  flags: new Set(),
  operands: 'anything',
  run: work('completion'),
};

/** The first is the default. A new command is a file, its part of this table, and a word here. */
export const COMMANDS: Commands = [copy, check, plan, inspect, ctl, report, completion, help, version];

/** Without what it does a start costs no more than the words. */
function work(name: keyof typeof WORK): Command['run'] {
  return async (request, program) => (await import('./work.ts')).WORK[name](request, program);
}
