// What the quick tier of some test files runs, by the names of tests: they are imported, and none of them is run.
import { createRequire, syncBuiltinESMExports } from 'node:module';

interface NodeTest {
  test: unknown;
  describe: unknown;
  before: unknown;
  after: unknown;
  beforeEach: unknown;
  afterEach: unknown;
}

type Callback = () => void | Promise<void>;

const nodeTest = createRequire(import.meta.url)('node:test') as NodeTest;
const names: string[] = [];
/** Of the suites around, which have no pause in them. */
const suites: string[] = [];
const nothing = (): void => {};
Object.assign(nodeTest, {
  test: (name: string) => void names.push([...suites, name].join(' › ')),
  describe(name: string, ...rest: readonly unknown[]) {
    suites.push(name);
    try {
      return (rest.at(-1) as Callback)();
    } finally {
      suites.pop();
    }
  },
  before: nothing,
  after: nothing,
  beforeEach: nothing,
  afterEach: nothing,
});
syncBuiltinESMExports();

for (const url of process.argv.slice(2)) await import(url);
process.stdout.write(JSON.stringify(names), () => process.exit());
