// The one file that is carried to a bare host: rump and its dependencies, minified and packed, behind a head that can be
// read. The same sources make the same bytes, wherever they lie. Plain Node: nothing has to be compiled before.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';

/** Carriage return and line feed would end the line, `=` begins an escape, and NUL is in no text. U+2028 and U+2029 begin with E2. */
const ESCAPED = /[\0\r\n=\xe2]/g;
/** As yEnc moves what it escapes. */
const SHIFT = 64;
const GRANT = 'Permission is hereby granted';

/** @param root of the project */
export async function makeBundle(root) {
  const { version, description } = manifestOf(root);
  const { code, packages } = await minified(root, version);
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

/** Returns the names of the packages inside as well. */
async function minified(root, version) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    define: { RUMP_VERSION: JSON.stringify(version) },
    // The address of a module leads to the package around it, and here is none.
    logOverride: { 'empty-import-meta': 'silent' },
    logLevel: 'warning',
    metafile: true,
    write: false,
  });
  const names = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  const packages = new Set(names.filter((name) => name !== undefined));
  return { code: Buffer.from(outputFiles[0].contents), packages: [...packages].toSorted() };
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
const code = require('node:zlib').brotliDecompressSync(packed).toString();
const names = ['require', 'module', 'exports', '__filename', '__dirname'];
const run = require('node:vm').compileFunction(code, names, { filename: __filename });
run(require, module, exports, __filename, __dirname);
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
