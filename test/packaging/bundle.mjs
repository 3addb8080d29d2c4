// The one file that is carried to a bare host: rump and its dependencies, in parts that are compiled once they are asked for,
// minified and packed, behind a head that can be read. The same sources make the same bytes. Plain Node: nothing is built before.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build, transform } from 'esbuild';

/** Carriage return and line feed would end the line, `=` begins an escape, and NUL is in no text. U+2028 and U+2029 begin with E2. */
const ESCAPED = /[\0\r\n=\xe2]/g;
/** As yEnc moves what it escapes. */
const SHIFT = 64;
const GRANT = 'Permission is hereby granted';
const OUTPUT = { platform: 'node', target: 'node20', minify: true, legalComments: 'none', logLevel: 'warning' };

/** @param root of the project */
export async function makeBundle(root) {
  const { version, description } = manifestOf(root);
  const { parts, packages } = await minified(root, version);
  const table = JSON.stringify(parts.map(([name, part]) => [name, part.length]));
  const code = Buffer.concat([Buffer.from(`${table}\n`), ...parts.map(([, part]) => part)]);
  const packed = brotliCompressSync(code, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: code.length,
    },
  });
  const licences = licencesOf([root, ...packages.map((name) => join(root, 'node_modules', name))]);
  const head = headOf({ version, description, licences, hash: createHash('sha256').update(packed).digest('hex') });
  return Buffer.concat([Buffer.from(head), Buffer.from(escaped(packed), 'latin1'), Buffer.from('\n')]);
}

/** Returns the parts, as modules of CommonJS, by the names that they have for each other, and the packages inside. */
async function minified(root, version) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts'],
    bundle: true,
    ...OUTPUT,
    // A part is what is imported when it is needed, or what several of those have in common.
    splitting: true,
    // Their names tell what is in them, and that has to be the same in another place.
    preserveSymlinks: true,
    format: 'esm',
    outdir: '.',
    define: { RUMP_VERSION: JSON.stringify(version) },
    metafile: true,
    write: false,
  });
  const parts = outputFiles.map(async ({ path, text }) => {
    const { code } = await transform(text, {
      ...OUTPUT,
      format: 'cjs',
      supported: { 'dynamic-import': false },
      // The address of a module leads to the package around it, and here is none.
      logOverride: { 'empty-import-meta': 'silent' },
    });
    return [`./${basename(path)}`, Buffer.from(code)];
  });
  const names = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  const packages = new Set(names.filter((name) => name !== undefined));
  return { parts: await Promise.all(parts), packages: [...packages].toSorted() };
}

/** @param hash of what is packed: SHA-256 */
function headOf({ version, description, licences, hash }) {
  return `#!/usr/bin/env node
// rump ${version}. ${description}.
// The last line is the code, minified, packed with Brotli, and escaped as yEnc does it, so that it is one line. The sources of
// this version make the same bytes again: npm ci && npm run bundle && cmp build/rump.cjs FILE
/*
${licences}*/
'use strict';
const lines = require('node:fs').readFileSync(__filename, 'latin1').split(/\\r?\\n/);
const escaped = lines.findLast((line) => line !== '').slice('// '.length);
const byteOf = (escape) => String.fromCharCode((escape.charCodeAt(1) + 256 - ${SHIFT}) % 256);
const packed = Buffer.from(escaped.replace(/=[^]/g, byteOf), 'latin1');
const hash = '${hash}';
if (require('node:crypto').createHash('sha256').update(packed).digest('hex') !== hash) {
  process.stderr.write(\`rump: Cannot start: \${__filename} is damaged (copy it once more, as it is)\\n\`);
  process.exit(1);
}
const code = require('node:zlib').brotliDecompressSync(packed);
let end = code.indexOf('\\n') + 1;
const parts = new Map();
for (const [name, length] of JSON.parse(code.subarray(0, end))) parts.set(name, code.subarray(end, (end += length)));
const { compileFunction } = require('node:vm');
const loaded = new Map();
function load(name) {
  if (!parts.has(name)) return require(name);
  if (!loaded.has(name)) {
    const part = { exports: {} };
    loaded.set(name, part);
    const run = compileFunction(parts.get(name).toString(), ['require', 'module', 'exports'], { filename: __filename });
    run(load, part, part.exports);
  }
  return loaded.get(name).exports;
}
load('./main.js');
// `;
}

function escaped(bytes) {
  return bytes
    .toString('latin1')
    .replaceAll(ESCAPED, (one) => `=${String.fromCharCode((one.charCodeAt(0) + SHIFT) % 256)}`);
}

/** What is the same in all of them stands there once. */
function licencesOf(folders) {
  const holders = new Map();
  for (const folder of folders) {
    const { name } = manifestOf(folder);
    const [file, ...more] = readdirSync(folder).filter((file) => /^licen[cs]e/i.test(file));
    if (file === undefined || more.length > 0) throw new Error(`${folder} has not one licence`);
    const text = readFileSync(join(folder, file), 'utf8');
    const at = text.indexOf(GRANT);
    if (at === -1 || text.includes('*/')) throw new Error(`The licence of ${name} is another one than that of MIT`);
    const terms = text.slice(at).trim();
    holders.set(terms, [
      ...(holders.get(terms) ?? []),
      `${name}: ${text.slice(0, at).trim().replaceAll(/\s+/g, ' ')}\n`,
    ]);
  }
  return Array.from(holders, ([terms, names]) => `${names.join('')}\n${terms}\n`).join('\n');
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
