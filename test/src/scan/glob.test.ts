// Globs as the servers understand them: a table of the odd ones, a model that tries everything, and a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Glob } from '../../../src/scan/glob.ts';
import { startServer } from '../../support/redis-server.ts';
import { count } from '../../support/tier.ts';

function matches(pattern: string, key: string): boolean {
  return new Glob(Buffer.from(pattern, 'latin1')).matches(Buffer.from(key, 'latin1'));
}

/** The elements of a pattern: a star, or the bytes that one byte of a key may be. */
type Element = '*' | { readonly bytes: ReadonlySet<number> };

const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);
const SPECIAL = '*?[]^-\\';
const LETTERS = ['a', 'b', 'c'] as const;
const CHARACTERS = [...LETTERS, ...SPECIAL.split('')];

/** Elements whose meaning is known by their making, and not by reading a pattern. */
const element: fc.Arbitrary<{ text: string; element: Element }> = fc.oneof(
  fc.constant({ text: '*', element: '*' as const }),
  fc.constant({ text: '?', element: { bytes: new Set(ALL_BYTES) } }),
  fc.constantFrom(...CHARACTERS).map((char) => ({
    text: SPECIAL.includes(char) ? `\\${char}` : char,
    element: { bytes: new Set([char.charCodeAt(0)]) },
  })),
  fc
    .record({
      negated: fc.boolean(),
      parts: fc.array(
        fc.oneof(
          fc.constantFrom(...CHARACTERS).map((char) => [char, char] as const),
          fc.tuple(fc.constantFrom(...LETTERS), fc.constantFrom(...LETTERS)),
        ),
        { maxLength: 3 },
      ),
    })
    .map(({ negated, parts }) => {
      const texts = parts.map(([low, high]) => (low === high ? `\\${low}` : `${low}-${high}`));
      const listed = (byte: number): boolean =>
        parts.some((ends) => {
          const [low, high] = ends.map((char) => char.charCodeAt(0)).toSorted((a, b) => a - b);
          return low! <= byte && byte <= high!;
        });
      const bytes = new Set(ALL_BYTES.filter((byte) => listed(byte) !== negated));
      return { text: `[${negated ? '^' : ''}${texts.join('')}]`, element: { bytes } };
    }),
);

/** Tries every length for every star. */
function isMatch(elements: readonly Element[], key: string): boolean {
  const [first, ...rest] = elements;
  if (first === undefined) return key === '';
  if (first !== '*') return key !== '' && first.bytes.has(key.charCodeAt(0)) && isMatch(rest, key.slice(1));
  return Array.from({ length: key.length + 1 }, (_, taken) => key.slice(taken)).some((left) => isMatch(rest, left));
}

test('Glob.matches() follows the rules of the servers, to the odd ends', () => {
  for (const [pattern, yes, no] of [
    ['', [''], ['a']],
    ['*', ['', 'a', '\0\n\xff'], []],
    ['**', ['a', 'ab'], ['']],
    ['h*llo', ['hllo', 'heeello'], ['hell', 'hello!']],
    ['h?llo', ['hello', 'h\nllo'], ['hllo', 'heello']],
    ['h[ae]llo', ['hallo', 'hello'], ['hillo', 'h[ae]llo']],
    ['h[^e]llo', ['hallo', 'h^llo'], ['hello', 'hllo']],
    ['[a-c]', ['a', 'b', 'c'], ['d', '-', 'A']],
    ['[c-a]', ['a', 'b', 'c'], ['d', '-']],
    ['User', ['User'], ['user']],
    ['\\*', ['*'], ['a', '\\*']],
    ['\\a', ['a'], ['\\a']],
    ['a\\', ['a\\'], ['a']],
    ['[\\]]', [']'], ['\\', '\\]']],
    ['[\\^a]', ['^', 'a'], ['b', '\\']],
    ['[a^]', ['a', '^'], ['b']],
    ['[]', [], ['', ']', '[]', 'a']],
    ['[^]', ['a', ']', '^'], ['', 'ab']],
    ['[]a]', [], ['a', ']', ']a]', 'a]']],
    ['[abc', ['a', 'c'], ['[abc', 'd', '']],
    ['[^abc', ['d'], ['a', 'dd']],
    ['[', [], ['', '[', 'a']],
    ['x[', [], ['x', 'x[']],
    ['[a\\', ['a', '\\'], ['[a\\']],
    ['[a-', ['a', '-'], ['b', '[a-']],
    ['[a-]', ['a', '_', ']'], ['-', 'b']],
    ['[a-]b]', ['a', ']', 'b', '^'], ['ab]', '-']],
    ['[-a]', ['-', 'a'], ['b']],
    ['[\\a-c]', ['a', '-', 'c'], ['b']],
    ['a*[', [], ['a', 'ab']],
    ['*a*b*', ['ab', 'xaxbx'], ['ba', 'b']],
    ['\xe9', ['\xe9'], ['e']],
    ['[\xe0-\xef]', ['\xe9'], ['\xf0', 'e']],
    // As a `char` with a sign the byte 0xe9 is below `a`.
    ['[a-\xe9]', ['\xe9', '\xf0', 'a', ' '], ['b', '\xe8']],
  ] as const) {
    for (const key of yes) assert.ok(matches(pattern, key), `${pattern} does not match ${JSON.stringify(key)}`);
    for (const key of no) assert.ok(!matches(pattern, key), `${pattern} matches ${JSON.stringify(key)}`);
  }
});

test('Glob.matches() finds a match wherever there is one, and nowhere else', () => {
  const key = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(element, { maxLength: 6 }), key, (elements, key) => {
      const pattern = elements.map(({ text }) => text).join('');
      const expected = isMatch(
        elements.map(({ element }) => element),
        key,
      );
      assert.equal(matches(pattern, key), expected, `${pattern} on ${key}`);
    }),
    { numRuns: count(1500, 30_000) },
  );
});

test('Glob.matches() agrees with a server on any pattern', async () => {
  const server = await startServer();
  try {
    // Where a range ends in a byte above 127 and begins in one below, servers on other processors differ.
    for (const [client, alphabet] of [
      [await server.client(0), 'ab-[]^*?\\'],
      [await server.client(1), 'a\xe9\xff\0[]^*?\\'],
    ] as const) {
      const text = (maxLength: number): fc.Arbitrary<Buffer> =>
        fc
          .string({ unit: fc.constantFrom(...alphabet.split('')), maxLength })
          .map((characters) => Buffer.from(characters, 'latin1'));
      const keys = [
        ...fc.sample(text(5), count(200, 400)),
        Buffer.alloc(0),
        ...alphabet.split('').map((character) => Buffer.from(character, 'latin1')),
      ];
      await client.pipeline(keys.map((key) => ['SET', key, '1']));
      const all = (await client.send('KEYS', '*')) as Buffer[];
      const patterns = fc.sample(text(9), count(1000, 10_000));
      const replies = (await client.pipeline(patterns.map((pattern) => ['KEYS', pattern]))) as Buffer[][];
      for (const [i, pattern] of patterns.entries()) {
        const glob = new Glob(pattern);
        assert.deepEqual(
          namesOf(all.filter((key) => glob.matches(key))),
          namesOf(replies[i]!),
          `Pattern ${pattern.toString('latin1')}`,
        );
      }
    }
  } finally {
    await server.stop();
  }
});

test('Glob.matches() takes no longer for many stars than for a few', () => {
  // Trying every length for each of the stars would take longer than there is time.
  const glob = new Glob(Buffer.from(`${'a*'.repeat(200)}b`));
  assert.ok(!glob.matches(Buffer.alloc(20_000, 'a')));
  assert.ok(glob.matches(Buffer.from(`${'a'.repeat(20_000)}b`)));
});

test('Glob.isAll is true where no key can be left out', () => {
  for (const [pattern, expected] of [
    ['*', true],
    ['**', false],
    ['', false],
    ['a*', false],
    ['?', false],
  ] as const) {
    assert.equal(new Glob(Buffer.from(pattern)).isAll, expected, pattern);
  }
});

function namesOf(keys: readonly Buffer[]): string[] {
  return keys.map((key) => key.toString('latin1')).toSorted();
}
