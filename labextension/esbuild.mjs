// Bundles the widget into notebook_automl/static, or with the argument `tests` the unit
// tests into lib-tests, where `node --test` runs them.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { build } from 'esbuild';

const STATIC = '../notebook_automl/static';
const TESTS = 'lib-tests';

async function buildWidget() {
  for (const name of ['widget.js', 'widget.css']) {
    await rm(join(STATIC, name), { force: true });
  }
  await build({
    entryPoints: { widget: 'src/widget/index.ts' },
    outdir: STATIC,
    bundle: true,
    format: 'esm',
    target: ['es2021'],
    minify: true,
    legalComments: 'eof',
    logLevel: 'warning'
  });
}

/** Golden tests read what Python wrote, so pytest runs them and not `jlpm test:unit`. */
function outputOf(file) {
  const kind = basename(file).startsWith('golden.') ? 'golden' : 'unit';
  const room = relative('src', dirname(dirname(file)))
    .split(sep)
    .join('-');
  return join(kind, `${room}-${basename(file, '.ts')}`);
}

async function buildTests() {
  const files = (await readdir('src', { recursive: true }))
    .filter(name => name.endsWith('.test.ts'))
    .map(name => join('src', name));
  await rm(TESTS, { recursive: true, force: true });
  await build({
    entryPoints: files.map(file => ({ in: file, out: outputOf(file) })),
    outdir: TESTS,
    bundle: true,
    format: 'esm',
    platform: 'node',
    outExtension: { '.js': '.mjs' },
    // Some of our dependencies are CommonJS, whose require() a bundle lacks.
    banner: {
      js:
        "import { createRequire } from 'node:module';" +
        'const require = createRequire(import.meta.url);'
    },
    loader: { '.css': 'empty' },
    logLevel: 'warning'
  });
}

await (process.argv[2] === 'tests' ? buildTests() : buildWidget());
