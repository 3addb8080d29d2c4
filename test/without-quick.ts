// Stands in front of test files in the long tier: what the quick one has run, and would run the same again, is not registered.
import { readFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

type Test = (name: string, ...rest: readonly unknown[]) => unknown;

const nodeTest = createRequire(import.meta.url)('node:test') as { test: Test; describe: Test };
const file = new URL('quick-names.json', import.meta.url);
const quick = new Set(JSON.parse(readFileSync(file, 'utf8')) as readonly string[]);
const { test, describe } = nodeTest;
/** Of the suites around, which have no pause in them. */
const suites: string[] = [];

// Nobody has imported it as a module yet: later it could not be changed any more.
nodeTest.test = (name, ...rest) => (quick.has([...suites, name].join(' › ')) ? undefined : test(name, ...rest));
nodeTest.describe = (name, ...rest) => {
  const body = rest.at(-1) as () => unknown;
  return describe(name, ...rest.slice(0, -1), () => {
    suites.push(name);
    try {
      return body();
    } finally {
      suites.pop();
    }
  });
};
syncBuiltinESMExports();
