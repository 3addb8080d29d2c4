// Whether the workers whose logs are read have all reached the same two sides, whichever node or name each of them was given, and were
// told the same of what is copied.

import type { LoggedSide } from './run-attempt.ts';
import type { LoggedRun } from './run-logs.ts';

type SideName = 'source' | 'target';

/** Parts, and groups of them, that a line names. */
const MOST_NAMES = 8;
const MOST_GROUPS = 4;
const ID_DIGITS = 8;

/** What the parts have not in common, a line each. */
export function differencesOfSides(runs: readonly LoggedRun[]): string[] {
  const parts = runs.filter(({ part, attempt }) => part !== undefined && attempt.hasStarted);
  const lines = [sideLine(parts, 'source'), sideLine(parts, 'target'), ...databaseLines(parts), ...scopeLines(parts)];
  return lines.flatMap((line) => line ?? []);
}

interface Group {
  readonly side: LoggedSide;
  readonly ids: Set<string>;
  readonly names: string[];
}

function sideLine(parts: readonly LoggedRun[], name: SideName): string | undefined {
  const groups: Group[] = [];
  for (const { name: part, attempt } of parts) {
    const side = attempt[name];
    if (side === undefined) continue;
    const group = groups.find((group) => isSame(group, side)) ?? { side, ids: new Set(), names: [] };
    if (group.names.length === 0) groups.push(group);
    group.names.push(part);
    for (const id of side.ids) group.ids.add(id);
  }
  if (groups.length < 2) return undefined;
  const texts = groups.map(({ side, names }, at) => {
    return `${at === 0 ? `the ${name}` : 'that'} of ${namesText(names)} is ${shown(side)}`;
  });
  return differenceText(texts);
}

/** The endpoint may be another name, or lead to another server from another machine; what it has led to decides where it is told. */
function isSame(group: Group, { endpoint, isCluster, ids }: LoggedSide): boolean {
  if (ids.some((id) => group.ids.has(id))) return true;
  const areKnown = ids.length > 0 && group.ids.size > 0;
  // The ids of a single server are those of its process.
  return endpoint === group.side.endpoint && !(areKnown && isCluster && group.side.isCluster);
}

function shown({ endpoint, ids }: LoggedSide): string {
  return ids.length === 0 ? endpoint : `${endpoint} (${ids[0]!.slice(0, ID_DIGITS)})`;
}

/** Each database of the source goes into one database of the target. */
function databaseLines(parts: readonly LoggedRun[]): string[] {
  const places = new Map<number, Map<number, string[]>>();
  for (const { name, attempt } of parts) {
    for (const [from, to] of attempt.databases) {
      const targets = places.get(from) ?? new Map<number, string[]>();
      places.set(from, targets);
      const names = targets.get(to) ?? [];
      targets.set(to, names);
      names.push(name);
    }
  }
  return [...places].flatMap(([from, targets]) => {
    if (targets.size < 2) return [];
    const texts = Array.from(targets, ([to, names], at) => {
      const what = at === 0 ? `database ${from}` : 'it';
      return `${namesText(names)} ${names.length === 1 ? 'has' : 'have'} ${what} in ${to}`;
    });
    return differenceText(texts);
  });
}

/** Each part has to leave out the same, and to give keys the same names. */
function scopeLines(parts: readonly LoggedRun[]): string[] {
  const told = parts.flatMap(({ name, attempt: { scope } }) => (scope === undefined ? [] : [{ name, scope }]));
  const flags = new Set(told.flatMap(({ scope }) => [...scope.keys()]));
  return [...flags].flatMap((flag) => {
    const groups = new Map<string | undefined, string[]>();
    for (const { name, scope } of told) groups.set(scope.get(flag), [...(groups.get(scope.get(flag)) ?? []), name]);
    if (groups.size < 2) return [];
    const texts = Array.from(groups, ([value, names]) => {
      const what = value === undefined ? `no --${flag}` : `--${flag} ${value}`;
      return `${namesText(names)} ${names.length === 1 ? 'has' : 'have'} ${what}`;
    });
    return differenceText(texts);
  });
}

function differenceText(texts: readonly string[]): string {
  const rest = texts.length > MOST_GROUPS ? ` and ${texts.length - MOST_GROUPS} more` : '';
  return `the logs do not belong together: ${texts.slice(0, MOST_GROUPS).join(', and ')}${rest}`;
}

function namesText(names: readonly string[]): string {
  const rest = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return names.slice(0, MOST_NAMES).join(', ') + rest;
}
