// What a copy would bring, type by type and in all: the result of a dry run.

import type { DryRunEvent, TypeFigures } from '../sync/options.ts';
import { alignColumns } from './columns.ts';
import { formatBytes, formatCount } from './figures.ts';

const HEAD = ['type', 'keys', 'memory (estimated)'];

/** Lines without a newline. */
export function typeTable({ types }: DryRunEvent): string[] {
  const rows = types.map(({ type, keys, bytes }) => [type, formatCount(keys), memoryText(bytes)]);
  return alignColumns([HEAD, ...rows, totalOf(types)], [1, 2]);
}

function totalOf(types: readonly TypeFigures[]): string[] {
  const keys = types.reduce((sum, { keys }) => sum + keys, 0);
  const known = types.map(({ bytes }) => bytes).filter((bytes) => bytes !== null);
  const bytes = known.reduce((sum, bytes) => sum + bytes, 0);
  const isWhole = known.length === types.length;
  return ['total', formatCount(keys), isWhole ? memoryText(bytes) : `at least ${memoryText(bytes)}`];
}

function memoryText(bytes: number | null): string {
  return bytes === null ? 'unknown' : formatBytes(bytes);
}
