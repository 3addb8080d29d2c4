// What a real server says of values, and that nobody asks for ever where it says nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GONE, LargeFacts } from '../../../src/inspect/large-facts.ts';
import { openSource, type DeploymentChoice } from '../../support/deployment.ts';
import { startServer } from '../../support/redis-server.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const LIST = Buffer.from('list');

test('LargeFacts asks for types and lengths, and does without what the user may not ask', async (t) => {
  const server = await startServer();
  const facts = async (choice: DeploymentChoice = {}): Promise<LargeFacts> => {
    const { deployment, link } = await openSource(server.port, choice);
    const made = new LargeFacts(deployment, link);
    t.after(() => {
      made.close();
      deployment.close();
    });
    return made;
  };
  t.after(() => server.stop());
  await (
    await server.client()
  ).pipeline([
    ['RPUSH', 'list', 'a', 'b'],
    ['SET', 'string', 'value'],
    ['XADD', 'stream', '*', 'f', 'v'],
    ['ACL', 'SETUSER', 'blind', 'on', '>secret', '~*', '+info', '+time', '+select', '+ping'],
  ]);
  const open = await facts();
  const told = ['list', 'string', 'stream', 'absent'].map(async (name) => {
    const key = Buffer.from(name);
    const type = (await open.typeOf(0, key))!;
    return [type, await open.lengthOf(0, key, type)];
  });
  assert.deepEqual(await Promise.all(told), [
    ['list', 2],
    ['string', 5],
    ['stream', 1],
    [GONE, undefined],
  ]);
  // It has become another one meanwhile.
  assert.equal(await open.lengthOf(0, LIST, 'hash'), undefined);
  const blind = await facts({ username: 'blind', password: 'secret' });
  assert.deepEqual([await blind.typeOf(0, LIST), await blind.lengthOf(0, LIST, 'list')], [undefined, undefined]);
});

test('LargeFacts gives up where each connection is lost that asks, and where it is stopped', async (t) => {
  const server = await startServer();
  const proxy = await startProxy({ port: server.port });
  const { deployment, link } = await openSource(proxy.port, { retries: 100 });
  const facts = new LargeFacts(deployment, link);
  t.after(async () => {
    facts.close();
    deployment.close();
    await proxy.close();
    await server.stop();
  });
  proxy.forbid('TYPE', 'up');
  await assert.rejects(facts.typeOf(0, LIST), { name: 'ConnectionError' });
  assert.equal(proxy.met, 3);
  const reason = new Error('stopped');
  facts.stop(reason);
  await assert.rejects(facts.typeOf(0, LIST), reason);
});
