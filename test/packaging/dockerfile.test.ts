// The Dockerfile, read as its linters read it, and its build as far as that needs no engine.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { read, ROOT } from '../support/pages.ts';
import { longOnly } from '../support/tier.ts';

interface Instruction {
  readonly name: string;
  readonly text: string;
}

interface Copied {
  readonly sources: readonly string[];
  readonly target: string;
}

const stages = stagesOf(read('Dockerfile'));
const [build, last] = [stages[0]!, stages.at(-1)!];

test('The Dockerfile names its images by version, and takes nothing from the network by itself', () => {
  const all = stages.flat();
  const images = all.filter(({ name }) => name === 'FROM').map(({ text }) => text.split(' ')[0]!);
  assert.ok(images.length === 2);
  for (const image of images) assert.match(image, /^node:\d+\.\d+\.\d+-alpine\d+\.\d+$/);
  assert.ok(all.every(({ name }) => name !== 'ADD'));
  assert.ok(all.every(({ text }) => !/\b(?:curl|wget|latest|sudo)\b/.test(text)));
  for (const { name, text } of all)
    if (name === 'ENV' || name === 'ARG') assert.doesNotMatch(text, /PASS|SECRET|TOKEN|KEY|CREDENTIAL/i);
});

test('The image runs rump as a user without rights, by no shell, and has nothing that installs packages', () => {
  const at = (name: string): number => last.findLastIndex((instruction) => instruction.name === name);
  const valueOf = (name: string): string => last[at(name)]!.text;
  assert.match(valueOf('USER'), /^[1-9]\d*:[1-9]\d*$/);
  assert.ok(at('USER') > at('RUN') && at('USER') > at('COPY'), 'Something is done behind USER');
  const [program, file, ...more] = JSON.parse(valueOf('ENTRYPOINT')) as string[];
  assert.deepEqual([program, more], ['node', []]);
  const copies = last.filter(({ name }) => name === 'COPY').map(({ text }) => text);
  assert.deepEqual(copies, [`--from=build /rump/build/rump.cjs ${file}`]);
  for (const tool of ['apk-tools', '/usr/local/lib/node_modules', 'npm', 'npx', 'corepack', 'yarn'])
    assert.ok(valueOf('RUN').includes(tool), `${tool} stays`);
});

test('What the Dockerfile copies is there, and is all that .dockerignore lets through', () => {
  const sources = copiedBy(build).flatMap((copied) => copied.sources);
  assert.deepEqual(
    sources.filter((source) => !existsSync(join(ROOT, source))),
    [],
  );
  const [first, ...others] = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(first, '*');
  assert.deepEqual(others.toSorted(), sources.map((source) => `!${source}`).toSorted());
});

longOnly(() => {
  test('What the Dockerfile copies is enough to make the bundle', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'rump-image-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    for (const { sources, target } of copiedBy(build))
      for (const source of sources)
        cpSync(join(ROOT, source), join(folder, target === './' ? source : target), { recursive: true });
    // What `npm ci` makes, which comes before.
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    assert.deepEqual(
      build.filter(({ name }) => name === 'RUN').map(({ text }) => text),
      ['npm ci', 'npm run bundle'],
    );
    execFileSync('npm', ['run', '--silent', 'bundle'], { cwd: folder });
    const said = execFileSync(process.execPath, [join(folder, 'build/rump.cjs'), '--version'], { encoding: 'utf8' });
    assert.equal(said, `rump ${(JSON.parse(read('package.json')) as { version: string }).version}\n`);
  });
});

/** From each FROM to the next one, with the values of ARG in their places. */
function stagesOf(file: string): Instruction[][] {
  const values = new Map<string, string>();
  const stages: Instruction[][] = [];
  const lines = file.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  for (const line of lines.split('\n').filter((line) => line !== '')) {
    const [, name = '', text = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    assert.notEqual(name, '', line);
    const [, variable, value] = /^(\w+)=(\S+)$/.exec(text) ?? [];
    if (name === 'ARG' && value !== undefined) values.set(variable!, value);
    if (name === 'FROM') stages.push([]);
    const filled = text.replaceAll(/\$\{(\w+)\}/g, (_, variable: string) => values.get(variable)!);
    stages.at(-1)?.push({ name, text: filled });
  }
  return stages;
}

/** From the folder of the project. */
function copiedBy(stage: readonly Instruction[]): Copied[] {
  return stage
    .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='))
    .map(({ text }) => {
      const words = text.split(' ');
      return { sources: words.slice(0, -1), target: words.at(-1)! };
    });
}
