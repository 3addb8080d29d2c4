// Every reply to the one who waits for it, against a plain list of who asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { InFlight } from '../../resp/in-flight.ts';
import { ReplyRun, type Receiver, type Reply } from '../../resp/reply.ts';
import { runs } from '../support/tier.ts';

class Listener implements Receiver {
  readonly heard: string[] = [];

  onReply(reply: Reply): void {
    this.heard.push(String(reply));
  }

  onOks(count: number): void {
    assert.ok(count > 0);
    for (let i = 0; i < count; i++) this.heard.push('OK');
  }

  onFailure(error: Error): void {
    this.heard.push(`failed: ${error.message}`);
  }
}

test('InFlight hands replies to those who asked, in order', () => {
  const [a, b] = [new Listener(), new Listener()];
  const inFlight = new InFlight();
  for (const receiver of [a, a, b, a]) inFlight.queue(receiver);
  inFlight.write();
  for (const reply of [1, 2, 3, 4]) assert.equal(inFlight.answer(reply), true);
  assert.deepEqual([a.heard, b.heard], [['1', '2', '4'], ['3']]);
});

test('InFlight.answerOks() splits a run of OKs among those who asked, one call each', () => {
  const calls: [string, number][] = [];
  const receiver = (name: string): Receiver => ({
    onReply: () => assert.fail(),
    onOks: (count) => void calls.push([name, count]),
    onFailure: () => assert.fail(),
  });
  const [a, b] = [receiver('a'), receiver('b')];
  const inFlight = new InFlight();
  for (const each of [a, a, a, b, a, a]) inFlight.queue(each);
  inFlight.write();
  assert.equal(inFlight.answerOks(2), true);
  assert.equal(inFlight.answerOks(4), true);
  assert.deepEqual(calls, [
    ['a', 2],
    ['a', 1],
    ['b', 1],
    ['a', 2],
  ]);
});

test('InFlight takes no reply that nobody asked for', () => {
  const a = new Listener();
  const inFlight = new InFlight();
  assert.equal(inFlight.answer(1), false);
  assert.equal(inFlight.answerOks(1), false);
  inFlight.queue(a);
  assert.equal(inFlight.answer(1), false);
  inFlight.write();
  assert.equal(inFlight.answerOks(2), false);
  assert.deepEqual(a.heard, ['OK']);
});

test('InFlight.due tells whether the peer owes a reply, not whether something waits to be written', () => {
  const inFlight = new InFlight();
  const a = new Listener();
  inFlight.queue(a);
  assert.deepEqual([inFlight.due, inFlight.length], [false, 1]);
  inFlight.write();
  assert.equal(inFlight.due, true);
  inFlight.queue(a);
  inFlight.answer(1);
  assert.deepEqual([inFlight.due, inFlight.length], [false, 1]);
});

test('InFlight.fail() tells everyone who waits once each run, and forgets them', () => {
  const [a, b] = [new Listener(), new Listener()];
  const inFlight = new InFlight();
  for (const receiver of [a, a, b, a]) inFlight.queue(receiver);
  inFlight.write();
  inFlight.answer(1);
  inFlight.fail(new Error('gone'));
  assert.deepEqual(a.heard, ['1', 'failed: gone', 'failed: gone']);
  assert.deepEqual(b.heard, ['failed: gone']);
  assert.deepEqual([inFlight.length, inFlight.due, inFlight.answer(2)], [0, false, false]);
});

test('InFlight lets a receiver ask again while it takes its reply', () => {
  const inFlight = new InFlight();
  const heard: number[] = [];
  const again: Receiver = {
    onReply: (reply) => {
      heard.push(reply as number);
      if (heard.length < 5) inFlight.queue(again);
      inFlight.write();
    },
    onOks: () => assert.fail(),
    onFailure: () => assert.fail(),
  };
  inFlight.queue(again);
  inFlight.write();
  for (const reply of [1, 2, 3, 4, 5]) assert.equal(inFlight.answer(reply), true);
  assert.deepEqual([heard, inFlight.length], [[1, 2, 3, 4, 5], 0]);
});

test('InFlight behaves like a list of who waits, whatever is done in whatever order', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ queue: fc.nat(2), times: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 3, arbitrary: fc.record({ oks: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 3, arbitrary: fc.record({ answer: fc.nat() }) },
    { weight: 2, arbitrary: fc.constant('write' as const) },
    { weight: 1, arbitrary: fc.constant('fail' as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const inFlight = new InFlight();
      const listeners = [new Listener(), new Listener(), new Listener()];
      const expected: string[][] = [[], [], []];
      let waiting: number[] = [];
      let answered = 0;
      let written = 0;
      for (const step of steps) {
        if (step === 'write') {
          inFlight.write();
          written = answered + waiting.length;
        } else if (step === 'fail') {
          inFlight.fail(new Error('x'));
          for (const [i, who] of waiting.entries()) if (waiting[i - 1] !== who) expected[who]!.push('failed: x');
          answered += waiting.length;
          waiting = [];
        } else if ('queue' in step) {
          for (let i = 0; i < step.times; i++) {
            inFlight.queue(listeners[step.queue]!);
            waiting.push(step.queue);
          }
        } else {
          const replies = 'oks' in step ? Array.from({ length: step.oks }, () => 'OK') : [String(step.answer)];
          const taken = waiting.splice(0, Math.min(replies.length, Math.max(0, written - answered)));
          for (const [i, who] of taken.entries()) expected[who]!.push(replies[i]!);
          answered += taken.length;
          const isAsked = 'oks' in step ? inFlight.answerOks(step.oks) : inFlight.answer(step.answer);
          assert.equal(isAsked, taken.length === replies.length);
        }
        assert.equal(inFlight.length, waiting.length);
        assert.equal(inFlight.due, written > answered);
      }
      assert.deepEqual(
        listeners.map(({ heard }) => heard),
        expected,
      );
    }),
    runs(300),
  );
});

/** Reads at most so many replies at once, and notes how many it was shown. */
class RunReader extends Listener {
  readonly shown: number[] = [];
  most = Infinity;
  onRead = (): void => {};

  read(run: ReplyRun): void {
    this.shown.push(run.due);
    run.due -= Math.min(run.due, this.most);
    this.onRead();
  }
}

test('InFlight.read() shows whoever is next those replies alone that are its own, and that the peer owes', () => {
  const [a, b, c] = [new RunReader(), new RunReader(), new Listener()];
  const inFlight = new InFlight();
  const run = new ReplyRun();
  inFlight.read(run);
  for (const receiver of [a, a, a]) inFlight.queue(receiver);
  inFlight.read(run);
  assert.deepEqual(a.shown, []);
  inFlight.write();
  for (const receiver of [a, b, c]) inFlight.queue(receiver);
  inFlight.read(run);
  assert.deepEqual([a.shown, inFlight.owed, inFlight.length], [[3], 0, 3]);
  inFlight.write();
  a.most = 0;
  inFlight.read(run);
  assert.equal(inFlight.answer(7), true);
  inFlight.read(run);
  inFlight.read(run);
  assert.equal(inFlight.answer(8), true);
  assert.deepEqual([a.shown, a.heard, b.shown, c.heard], [[3, 1], ['7'], [1], ['8']]);
  assert.equal(inFlight.length, 0);
});

test('InFlight.read() counts nothing twice where the connection fails, or more is asked, while replies are read', () => {
  const a = new RunReader();
  const inFlight = new InFlight();
  for (let i = 0; i < 4; i++) inFlight.queue(a);
  inFlight.write();
  a.most = 2;
  a.onRead = () => inFlight.queue(a);
  inFlight.read(new ReplyRun());
  assert.deepEqual([inFlight.owed, inFlight.length, inFlight.answered], [2, 3, 2]);
  a.onRead = () => inFlight.fail(new Error('lost'));
  inFlight.read(new ReplyRun());
  assert.deepEqual([inFlight.length, inFlight.next, a.heard], [0, undefined, ['failed: lost']]);
});
