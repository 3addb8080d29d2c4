// Numbers as people read them, and that no message of the program shows a large one as it is.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { countOf, formatBytes, formatCount } from '../../resp/figures.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('formatCount() and countOf() separate thousands, and know one from many', () => {
  assert.deepEqual([0, 999, 1000, 1_234_567].map(formatCount), ['0', '999', '1,000', '1,234,567']);
  assert.equal(formatCount(2n ** 63n - 1n), '9,223,372,036,854,775,807');
  assert.deepEqual(
    [0, 1, 2000].map((count) => countOf(count, 'slot')),
    ['0 slots', '1 slot', '2,000 slots'],
  );
});

test('formatBytes() gives sizes in units of 1,024', () => {
  assert.deepEqual([1023, 1_048_576, 1_200_000].map(formatBytes), ['1,023 B', '1.0 MiB', '1.1 MiB']);
  assert.deepEqual([0, 1024, 85_143_322, 1024 ** 4 * 3].map(formatBytes), ['0 B', '1.0 KiB', '81.2 MiB', '3.0 TiB']);
  assert.equal(formatBytes(1024 ** 2 - 1), '1.0 MiB');
});

test('No message puts a count in front of its noun without separators', () => {
  const files = ['resp', 'src'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  );
  const raw = /\$\{(?!format|countOf|names|rate)[^}]*\} (?:keys?|bytes?|slots|elements|entries|nodes|strings)\b/;
  const found = files
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) =>
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .filter((line) => raw.test(line)),
    );
  assert.deepEqual(found, []);
});
