/**
 * Logic is tested here; what a person sees is tested in tests/ui against a real JupyterLab.
 */
const jupyterlab = require('@jupyterlab/testutils/lib/jest-config')(__dirname);

// Published as ES modules only, so they pass through Babel.
const modules = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@marijn',
  '@microsoft',
  '@rjsf',
  'exenv-es6',
  'lib0',
  'lodash-es',
  'marked',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'yjs'
].join('|');

module.exports = {
  ...jupyterlab,
  reporters: ['default'],
  testRegex: 'src/__tests__/.*\\.spec\\.tsx?$',
  transform: {
    ...jupyterlab.transform,
    // Types are checked once for all files, by `jlpm types`.
    '^.+\\.tsx?$': ['ts-jest/legacy', { tsconfig: 'tsconfig.test.json' }]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${modules})/)`]
};
