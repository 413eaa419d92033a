/**
 * Builds the widgets of notebooks from src/widgets into phtlab/lab/display (`jlpm widgets`), or says
 * whether these are current (`jlpm widgets:check`).
 *
 * Each is one ES module without imports, which the kernel sends. They are kept in the repository: a
 * kernel shows them without the extension, and an installation from a checkout needs no Node.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

import { rspack } from '@rspack/core';
import prettier from 'prettier';

const PLACE = resolve('../display');
const WIDGETS = ['journey', 'dispatch'];
const NOTE = source =>
  `/* Built from phtlab/lab/frontend/${source} by \`jlpm widgets\`: change that, not this file. */\n`;

const config = output => ({
  mode: 'none',
  target: ['web', 'es2022'],
  entry: Object.fromEntries(
    WIDGETS.map(name => [name, `./src/widgets/${name}.ts`])
  ),
  output: {
    path: output,
    filename: '[name].js',
    module: true,
    chunkFormat: 'module',
    library: { type: 'module' }
  },
  resolve: { extensions: ['.ts', '.tsx'] },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        loader: 'builtin:swc-loader',
        options: {
          jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }
        }
      }
    ]
  },
  optimization: {
    concatenateModules: true,
    minimize: true,
    // Without comments and what is not used; names stay, for whoever reads the file.
    minimizer: [
      new rspack.SwcJsMinimizerRspackPlugin({
        extractComments: false,
        minimizerOptions: {
          compress: {
            defaults: false,
            dead_code: true,
            unused: true,
            toplevel: true
          },
          mangle: false,
          module: true,
          format: { comments: false }
        }
      })
    ],
    innerGraph: true,
    providedExports: true,
    sideEffects: true,
    usedExports: true
  }
});

/** The built files, by their names. */
async function build() {
  const output = mkdtempSync(join(tmpdir(), 'widgets-'));
  try {
    await new Promise((done, fail) =>
      rspack(config(output), (error, stats) =>
        error || stats.hasErrors()
          ? fail(error ?? new Error(stats.toString('errors-only')))
          : done()
      )
    );
    const modules = WIDGETS.map(async name => {
      const source = readFileSync(join(output, `${name}.js`), 'utf8');
      const module = await prettier.format(source, {
        ...(await prettier.resolveConfig('src/index.ts')),
        parser: 'babel'
      });
      return [`${name}_widget.js`, NOTE(`src/widgets/${name}.ts`) + module];
    });
    const style = 'style/journeyMap.css';
    return [
      ...(await Promise.all(modules)),
      ['journey_widget.css', NOTE(style) + readFileSync(style, 'utf8')]
    ];
  } finally {
    rmSync(output, { recursive: true });
  }
}

for (const [name, content] of await build()) {
  const file = join(PLACE, name);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, content);
  } else if (readFileSync(file, 'utf8') !== content) {
    process.stderr.write(`${file} is not current. Run: jlpm widgets\n`);
    process.exitCode = 1;
  }
}
