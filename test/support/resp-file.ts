// Files of RESTORE frames for the tests of the source end, and sources of them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { RespSource, type RespSourceOptions } from '../../src/source/resp-source.ts';
import type { SourceNotice } from '../../src/source/source.ts';
import { command } from './frames.ts';

export const PAYLOAD = Buffer.from('\0\x05value\x0b\0checksum', 'latin1');
const OPTIONS: RespSourceOptions = { databases: 'all', includes: () => true, mode: 'exact', preserveIdle: false };

export function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rump-source-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function fileOf(t: TestContext, bytes: Buffer, name = 'f.resp'): string {
  const path = join(folderOf(t), name);
  writeFileSync(path, bytes);
  return path;
}

export function restores(count: number, payload = PAYLOAD): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => command('RESTORE', `key:${i}`, 0, payload, 'REPLACE')));
}

function failOnRefused(key: string, why: string): never {
  assert.fail(`${key}: ${why}`);
}

export function sourceOf(
  path: string,
  options: Partial<RespSourceOptions> = {},
  onExpired = (): void => {},
  onUnmarked = (): void => {},
  onRefused: (key: string, why: string) => void = failOnRefused,
): RespSource {
  const onReadRefused = (_: number, key: Buffer, { message }: Error): void => onRefused(String(key), message);
  const onNotice = ({ code }: SourceNotice): void => {
    if (code === 'UNMARKED') onUnmarked();
  };
  return new RespSource(
    path,
    { ...OPTIONS, hasAllNames: options.includes === undefined, ...options },
    { onExpired, onReadRefused, onNotice },
  );
}
