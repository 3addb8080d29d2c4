// Bytes that are set aside: they come back as they were, or it is said that they do not.
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Spool } from '../../../src/file/spool.ts';
import { folderOf } from '../../support/resp-file.ts';

test(
  'Spool.parts() gives back what was appended, and rejects where the file has become shorter',
  { timeout: 20_000 },
  async (t) => {
    const folder = folderOf(t);
    const spool = new Spool(join(folder, 'target'));
    t.after(() => spool.close());
    await spool.clear();
    await spool.append([Buffer.from('abcd'), Buffer.from('efg')]);
    const parts = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const part of spool.parts(3)) found.push(part.toString());
      return found;
    };
    assert.deepEqual(await parts(), ['abc', 'def', 'g']);
    // It has no name: the system alone knows where it is.
    const descriptors = readdirSync('/proc/self/fd').map((name) => join('/proc/self/fd', name));
    truncateSync(
      descriptors.find((path) => placeOf(path).startsWith(folder))!,
      5,
    );
    await assert.rejects(parts(), { message: `Cannot read a temporary file in ${folder}: it has become shorter` });
  },
);

/** One of them has listed the folder, and is closed by now. */
function placeOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
