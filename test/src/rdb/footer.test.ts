// The footer: read, verified, and written anew so that another version may take the payload.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, isIntact, versionOf, withFooter, withVersion } from '../../../src/rdb/footer.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';

test('versionOf() and isIntact() read the footers of every server', () => {
  for (const { server, rdbVersion, payloads } of readPayloads()) {
    for (const { name, payload } of payloads) {
      assert.equal(versionOf(payload), rdbVersion, `${server}: ${name}`);
      assert.ok(isIntact(payload), `${server}: ${name}`);
      assert.deepEqual(withFooter(bodyOf(payload), rdbVersion), payload, `${server}: ${name}`);
    }
  }
});

test('withVersion() changes the version and keeps the value', () => {
  const payload = readPayloads().find(({ server }) => server.startsWith('valkey 9'))!.payloads[0]!.payload;
  const older = withVersion(payload, 11);
  assert.equal(versionOf(payload), 80);
  assert.equal(versionOf(older), 11);
  assert.ok(isIntact(older));
  assert.deepEqual(bodyOf(older), bodyOf(payload));
  assert.deepEqual(withVersion(older, 80), payload);
});

test('The functions of the footer refuse less than a payload has', () => {
  for (let length = 0; length <= 10; length += 1) {
    for (const ask of [versionOf, isIntact, bodyOf]) assert.throws(() => ask(Buffer.alloc(length)), PayloadError);
  }
});
