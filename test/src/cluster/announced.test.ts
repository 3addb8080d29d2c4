// Where an announced address is from here, and which ones are believed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Announced, kindOfHost } from '../../../src/cluster/announced.ts';

test('kindOfHost() knows what means another machine from each machine, in every spelling', () => {
  const hosts = {
    loopback: ['127.0.0.1', '127.9.9.9', '127.1', '0x7f000001', '2130706433', '::1', '0:0::1', '::ffff:127.0.0.1'],
    'link-local': ['169.254.169.254', 'fe80::1', 'FEBF::1', 'fe80::1%eth0', '::ffff:169.254.1.1'],
    unspecified: ['0.0.0.0', '0', '::', '0.1.2.3'],
    multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    reserved: ['240.0.0.1', '255.255.255.255'],
  } as const;
  for (const [kind, all] of Object.entries(hosts)) for (const host of all) assert.equal(kindOfHost(host), kind, host);
  for (const name of ['localhost', 'LOCALHOST.', 'a.localhost']) assert.equal(kindOfHost(name), 'loopback', name);
  for (const host of ['10.0.0.1', '192.168.1.1', '128.0.0.1', 'fd00::1', 'fec0::1', '2001:db8::1', 'redis-1', 'x y']) {
    assert.equal(kindOfHost(host), undefined, host);
  }
});

test('Announced.demand() refuses a kind of address that was not given, and names the way out', async () => {
  const rule = { announced: { host: '10.0.0.2', port: 1 }, reachable: { host: '127.0.0.1', port: 7001 } };
  const far = await Announced.forGiven({ kind: 'tcp', host: '10.0.0.1', port: 6379, tls: false }, [rule], 'target');
  far.demand({ host: '10.0.0.9', port: 1 });
  far.demand(rule.reachable);
  assert.throws(() => far.demand({ host: '169.254.169.254', port: 80 }), {
    code: 'ANNOUNCED',
    message: 'Cannot connect to 169.254.169.254:80, as was announced: that is a link-local address, and none was given',
    hint: 'say where it is: --to-nat 169.254.169.254:80=HOST:PORT',
    retryable: false,
  });
  assert.equal(far.believes({ host: '127.0.0.1', port: 7002 }), false);
});

test('Announced.believes() an address of the kind that was given, by name, by number or by the path of a socket', async () => {
  for (const address of [
    { kind: 'tcp', host: '127.0.0.5', port: 1, tls: false },
    { kind: 'tcp', host: 'localhost', port: 1, tls: false },
    { kind: 'unix', path: '/tmp/socket' },
    {
      kind: 'sentinel',
      hosts: [
        { host: '10.0.0.1', port: 1 },
        { host: '::1', port: 1 },
      ],
      service: 'main',
      tls: false,
    },
  ] as const) {
    const near = await Announced.forGiven(address, [], 'source');
    assert.equal(near.believes({ host: '127.0.0.1', port: 6379 }), true);
    assert.equal(near.believes({ host: '169.254.1.1', port: 6379 }), false);
  }
});

test('Announced.reach() goes where a rule says, for the very address that is announced', async () => {
  const asked = { host: '192.0.2.9', port: 7000 };
  const rule = { announced: { host: '10.0.0.1', port: 6379 }, reachable: { host: '127.0.0.1', port: 7001 } };
  const announced = await Announced.forGiven({ kind: 'tcp', ...asked, tls: false }, [rule], 'source');
  assert.deepEqual(announced.reach({ host: '10.0.0.1', port: 6379 }, asked), { host: '127.0.0.1', port: 7001 });
  assert.deepEqual(announced.reach({ host: '10.0.0.1', port: 6380 }, asked), { host: '10.0.0.1', port: 6380 });
  for (const host of ['', '?']) {
    assert.deepEqual(announced.reach({ host, port: 1 }, asked), { host: asked.host, port: 1 });
    assert.deepEqual(announced.reach({ host, port: 1 }, { path: '/tmp/socket' }), { host: 'localhost', port: 1 });
  }
});
