// Which key goes where, as flags would say it.
import { KeyScope, type KeyScopeOptions } from '../../src/scan/key-scope.ts';
import { KeyMapping } from '../../src/target/key-mapping.ts';
import { KeyNames, type KeyNamesOptions } from '../../src/target/key-names.ts';

/** @param databases by source database, that of the target */
export function mappingOf(
  databases: Readonly<Record<number, number>>,
  options: KeyScopeOptions & KeyNamesOptions = {},
): KeyMapping {
  const pairs = Object.entries(databases).map(([source, target]) => [Number(source), target] as const);
  const merges = new Set(pairs.map(([, target]) => target)).size < pairs.length;
  const plan = { databases: pairs, targetDbOf: (db: number) => databases[db] ?? db, merges };
  return new KeyMapping(plan, { names: new KeyNames(options), scope: new KeyScope(options) });
}
