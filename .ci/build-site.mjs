#!/usr/bin/env node
// Makes what a browser loads, in target/site: compiles the browser's half, cuts it into chunks, makes each small, bundles the style
// sheet, and compresses all of it. The release binary carries that folder.
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

process.chdir(new URL('..', import.meta.url).pathname);
const require = createRequire(join(process.cwd(), 'end2end/package.json'));
const browserslist = require('browserslist');
const esbuild = require('esbuild');
const lightningcss = require('lightningcss');

const SITE = 'target/site';
const PACKAGE = join(SITE, 'pkg');
const TARGET = 'wasm32-unknown-unknown';
const PROFILE = 'wasm-release';
// Smaller before compression is larger after it: measured, -O1 against -Oz saves 1.2 kB of what travels.
const WASM_OPT = [
  '-O1',
  '--enable-bulk-memory',
  '--enable-nontrapping-float-to-int',
  '--enable-reference-types',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-multivalue',
];

// step WHAT WORK: runs it, and says what it is and how long it took.
async function step(what, work) {
  const begin = Date.now();
  console.log(`  -> ${what}`);
  await work();
  console.log(`    done in ${Math.round((Date.now() - begin) / 1000)} s`);
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function compile() {
  // Cutting into chunks needs to know what refers to what.
  run('cargo', ['build', '--locked', '--package=frontend', '--lib', `--target=${TARGET}`, `--profile=${PROFILE}`, '--target-dir=target/front'], {
    RUSTFLAGS: '--cfg erase_components -Clink-args=--emit-relocs',
  });
}

function cut() {
  rmSync(SITE, { recursive: true, force: true });
  mkdirSync(PACKAGE, { recursive: true });
  run('.tools/bin/pack', [join('target/front', TARGET, PROFILE, 'frontend.wasm'), PACKAGE]);
}

async function optimize() {
  const waiting = readdirSync(PACKAGE).map((name) => join(PACKAGE, name));
  const work = async () => {
    for (let path; (path = waiting.pop()); ) {
      if (path.endsWith('.wasm')) await promisify(execFile)('end2end/node_modules/.bin/wasm-opt', [...WASM_OPT, path, '-o', path]);
      if (path.endsWith('.js')) writeFileSync(path, esbuild.transformSync(readFileSync(path, 'utf8'), { minify: true, format: 'esm' }).code);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

function bundleStyles() {
  const targets = lightningcss.browserslistToTargets(browserslist('defaults'));
  const { code } = lightningcss.bundle({ filename: 'style/main.css', minify: true, targets });
  writeFileSync(join(PACKAGE, 'roster.css'), code);
}

function compress(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      compress(path);
      continue;
    }
    const file = readFileSync(path);
    const size = { [constants.BROTLI_PARAM_SIZE_HINT]: file.length, [constants.BROTLI_PARAM_LGWIN]: 22 };
    writeFileSync(`${path}.br`, brotliCompressSync(file, { params: size }));
    writeFileSync(`${path}.gz`, gzipSync(file, { level: 9 }));
  }
}

await step("Compiling the browser's half", compile);
await step('Cutting it into chunks', cut);
await step('Making the chunks small', optimize);
await step('Bundling the style sheet', bundleStyles);
await step('Compressing', () => {
  cpSync('app/public', SITE, { recursive: true });
  compress(SITE);
});
