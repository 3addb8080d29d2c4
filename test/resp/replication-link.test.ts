// A link in the role of a replica, against peers that do as a test says.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { ProtocolError, ReplyError, RespError, TimeoutError } from '../../resp/errors.ts';
import { ReplicationLink, type ReplicationStart } from '../../resp/replication-link.ts';
import { Secrets } from '../../resp/secrets.ts';
import { byteByByte, command } from '../support/frames.ts';
import { HOST, withPeer } from '../support/peer.ts';

const ID = 'a'.repeat(40);
const NEW_ID = 'b'.repeat(40);
const MARK = Buffer.from('0123456789abcdef0123456789abcdef01234567');
const POINT = { replicationId: ID, offset: 10 };
const GREETINGS = 3;

/** A primary that takes the greetings, and then says what the test gives: to the first request, to the second … */
function primary(...answers: readonly (readonly (string | Buffer)[])[]): (socket: Socket) => void {
  return (socket) => {
    let requests = 0;
    socket.on('data', (data) => {
      for (const _ of data.toString('latin1').matchAll(/\*\d+\r\n/g)) {
        const answer = ++requests <= GREETINGS ? ['+OK\r\n'] : (answers[requests - GREETINGS - 1] ?? []);
        for (const piece of answer) socket.write(piece);
      }
    });
  };
}

class Witness {
  start: ReplicationStart | undefined;
  snapshot = Buffer.alloc(0);
  snapshotsEnded = 0;
  stream = '';
  readonly lost: Promise<Error>;
  #onLost!: (error: Error) => void;
  #onStream: () => void = () => {};

  constructor() {
    this.lost = new Promise((resolve) => (this.#onLost = resolve));
  }

  onStart(start: ReplicationStart): void {
    this.start = start;
  }
  onSnapshot(bytes: Buffer): void {
    this.snapshot = Buffer.concat([this.snapshot, bytes]);
  }
  onSnapshotEnd(): void {
    this.snapshotsEnded++;
  }
  onStream(bytes: Buffer): void {
    this.stream += bytes.toString('latin1');
    this.#onStream();
  }
  onLost(error: Error): void {
    this.#onLost(error);
  }

  until(stream: string): Promise<void> {
    return new Promise((resolve) => {
      this.#onStream = () => this.stream === stream && resolve();
      this.#onStream();
    });
  }
}

function open(
  port: number,
  witness: Witness,
  more: { password?: string; timeout?: number; preparation?: number; secrets?: Secrets; signal?: AbortSignal } = {},
): Promise<ReplicationLink> {
  const peer = { host: HOST, port };
  const { password, timeout = 5000, preparation = 5000, ...others } = more;
  const login = { username: undefined, password };
  return ReplicationLink.open({ peer, ...login, connectTimeout: 5000, timeout, preparation, ...others }, witness);
}

test('ReplicationLink.open() ends with the signal also while the primary does not answer', () => {
  const [controller, witness] = [new AbortController(), new Witness()];
  return withPeer(
    (socket) => socket.on('data', () => controller.abort(new Error('interrupted'))),
    async (port) => {
      await assert.rejects(open(port, witness, { signal: controller.signal }), /interrupted/);
      assert.equal((await witness.lost).message, 'interrupted');
    },
  );
});

test('ReplicationLink.start() goes on behind a point, under the id that the primary has now', () =>
  withPeer(primary([`+CONTINUE ${NEW_ID}\r\n*1\r\n$4\r\nPI`, 'NG\r\n']), async (port) => {
    const witness = new Witness();
    const link = await open(port, witness);
    assert.deepEqual(await link.start(POINT), { kind: 'continue', replicationId: NEW_ID, offset: 10 });
    await witness.until('*1\r\n$4\r\nPING\r\n');
    assert.equal(witness.snapshotsEnded, 1);
    link.close();
  }));

test('ReplicationLink.start() goes on under the id that was asked for where the primary tells no other', () =>
  withPeer(primary(['+CONTINUE\r\n']), async (port) => {
    const link = await open(port, new Witness());
    assert.deepEqual(await link.start(POINT), { kind: 'continue', replicationId: ID, offset: 10 });
    link.close();
  }));

const content = Buffer.concat([Buffer.alloc(100, 'r'), MARK.subarray(0, 39), Buffer.from('\r\nd')]);
const FRAMES = {
  'a length': [Buffer.from(`$${content.length}\r\n`), content],
  'a mark': [Buffer.from(`$EOF:${MARK.toString()}\r\n`), content, MARK],
  'a length of nothing': [Buffer.from('$0\r\n')],
};

for (const [how, frame] of Object.entries(FRAMES)) {
  const bytes = Buffer.concat([Buffer.from(`\n\n+FULLRESYNC ${ID} 77\r\n\n\n`), ...frame, Buffer.from('stream')]);
  const whole = frame.length === 1 ? Buffer.alloc(0) : content;
  for (const [cut, pieces] of [
    ['whole', [bytes]],
    ['byte by byte', byteByByte(bytes)],
  ] as const) {
    test(`ReplicationLink hands on a snapshot with ${how} that comes ${cut}, and the stream behind it`, () =>
      withPeer(
        (socket) => primary(pieces)(socket.setNoDelay(true)),
        async (port) => {
          const witness = new Witness();
          const link = await open(port, witness);
          assert.deepEqual(await link.start(undefined), { kind: 'full', replicationId: ID, offset: 77 });
          await witness.until('stream');
          assert.deepEqual(witness.snapshot, whole);
          assert.equal(witness.snapshotsEnded, 1);
          link.close();
        },
      ));
  }
}

test('ReplicationLink.wantNoKeys() says whether the primary knows snapshots without keys', () =>
  withPeer(primary(['-ERR Unrecognized REPLCONF option\r\n'], ['+OK\r\n']), async (port) => {
    const link = await open(port, new Witness());
    assert.equal(await link.wantNoKeys(), false);
    assert.equal(await link.wantNoKeys(), true);
    link.close();
  }));

test('ReplicationLink.tellVersion() says whether the primary asks for the version of its replicas', () =>
  withPeer(primary(['-ERR Unrecognized REPLCONF option\r\n'], ['+OK\r\n']), async (port) => {
    const link = await open(port, new Witness());
    assert.equal(await link.tellVersion('9.1.0'), false);
    assert.equal(await link.tellVersion('9.1.0'), true);
    link.close();
  }));

test('ReplicationLink acknowledges nothing, and does so again and again', () => {
  let heard = '';
  const repeated = new EventEmitter();
  const isRepeated = once(repeated, 'repeated');
  const behave = (socket: Socket): void => {
    primary(['+CONTINUE\r\n'])(socket);
    socket.on('data', (data) => {
      heard += data.toString('latin1');
      if (heard.split(command('REPLCONF', 'ACK', 0).toString()).length > 2) repeated.emit('repeated');
    });
  };
  return withPeer(behave, async (port) => {
    const link = await open(port, new Witness());
    await link.start(POINT);
    await isRepeated;
    link.close();
  });
});

test('ReplicationLink.start() rejects with the reply of a primary that will not, without a secret in it', () =>
  withPeer(primary(['-NOMASTERLINK by secret123\r\n']), async (port) => {
    const link = await open(port, new Witness(), { secrets: new Secrets(['secret123']) });
    await assert.rejects(link.start(undefined), new ReplyError('NOMASTERLINK by ***', { host: HOST, port }));
    link.close();
  }));

for (const [what, answer] of [
  ['nonsense', 'hello\r\n'],
  ['a line without an end', 'x'.repeat(5000)],
  ['an integer', ':1\r\n'],
  ['an array', '*1\r\n'],
  ['what it answers greetings with', '+OK\r\n'],
  ['CONTINUE, where no point was given', '+CONTINUE\r\n'],
  ['an id that is none', '+FULLRESYNC abc 1\r\n'],
] as const) {
  test(`ReplicationLink.start() rejects where PSYNC is answered with ${what}`, () =>
    withPeer(primary([answer]), async (port) => {
      const link = await open(port, new Witness());
      await assert.rejects(link.start(undefined), ProtocolError);
      link.close();
    }));
}

for (const [what, answer] of [
  ['no snapshot', 'hello\r\n'],
  ['a head without an end', 'x'.repeat(100)],
  ['a mark that is too short', '$EOF:abc\r\n'],
  ['a negative length', '$-1\r\n'],
] as const) {
  test(`ReplicationLink is lost where a snapshot is due and ${what} comes`, () =>
    withPeer(primary([`+FULLRESYNC ${ID} 1\r\n${answer}`]), async (port) => {
      const witness = new Witness();
      const link = await open(port, witness);
      await link.start(undefined);
      assert.ok((await witness.lost) instanceof ProtocolError);
    }));
}

test('ReplicationLink gives up on a primary that says nothing while an answer is due', () =>
  withPeer(primary(), async (port) => {
    const link = await open(port, new Witness(), { timeout: 50 });
    await assert.rejects(link.start(undefined), TimeoutError);
  }));

test('ReplicationLink gives up on a primary that does nothing but say that it makes a snapshot', () => {
  const timers: NodeJS.Timeout[] = [];
  const behave = (socket: Socket): void => {
    primary()(socket);
    const timer = setInterval(() => socket.write('\n'), 5);
    timers.push(timer);
    socket.on('close', () => clearInterval(timer));
  };
  return withPeer(behave, async (port) => {
    const link = await open(port, new Witness(), { timeout: 1000, preparation: 100 });
    await assert.rejects(link.start(undefined), TimeoutError);
  });
});

test('ReplicationLink.open() rejects with the words of a server that lets nobody in', () =>
  withPeer(
    (socket) => socket.end('-DENIED Redis is running in protected mode\r\n'),
    async (port) => {
      await assert.rejects(open(port, new Witness()), (error: RespError) => error.code === 'DENIED');
    },
  ));

test('ReplicationLink.open() logs in, and says what it could not do', () =>
  withPeer(
    (socket) => socket.on('data', () => socket.write('-WRONGPASS invalid secret123\r\n')),
    async (port) => {
      await assert.rejects(open(port, new Witness(), { password: 'secret123' }), (error: RespError) => {
        assert.equal(error.code, 'WRONGPASS');
        assert.doesNotMatch(error.message, /secret123/);
        return true;
      });
    },
  ));

test('ReplicationLink tells that it was lost, and nobody once it was closed', () =>
  withPeer(
    (socket) => {
      primary(['+CONTINUE\r\n'])(socket);
      socket.on('data', (data) => {
        if (data.includes('ACK')) socket.destroy();
      });
    },
    async (port) => {
      const witness = new Witness();
      const link = await open(port, witness);
      await link.start(POINT);
      assert.match((await witness.lost).message, /^Lost the connection to /);
    },
  ));
