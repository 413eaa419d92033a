/**
 * The directions of imports: no circle, and for each folder of src what it may import.
 *
 * Imports of types alone count. tokens.ts holds what plugins provide to each other, so that no
 * plugin imports another.
 */

/** What everything may import. */
const SHARED = ['commands', 'text', 'tokens', 'server'];

/** Each folder, or file of src itself, with what it may import beside its own files. */
const MAY_IMPORT = {
  commands: [],
  text: [],
  // Interfaces alone, see `tokens-are-interfaces`.
  tokens: ['roleTags', 'server'],
  roleTags: [],
  server: ['text'],
  components: ['text'],
  parameters: [...SHARED, 'components'],
  journeys: [...SHARED, 'components'],
  stations: [...SHARED, 'components'],
  keys: [...SHARED, 'components'],
  welcome: [...SHARED, 'components'],
  notebook: [...SHARED, 'components', 'journeys', 'roleTags'],
  proposals: [...SHARED, 'components', 'notebook'],
  findings: [...SHARED, 'components', 'notebook'],
  results: [...SHARED, 'components', 'notebook', 'journeys'],
  // The modules that the kernel sends, see `widgets-need-no-framework`.
  widgets: ['components', 'journeys', 'text'],
  dispatch: [
    ...SHARED,
    'components',
    'journeys',
    'notebook',
    'parameters',
    'proposals',
    'stations'
  ],
  train: [
    ...SHARED,
    'components',
    'findings',
    'journeys',
    'parameters',
    'proposals',
    'stations',
    'welcome'
  ]
};

/** A path of `name`, a folder of src or a file in it. */
const pathOf = name => `^src/${name}(/|\\.tsx?$)`;

export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true }
    },
    {
      name: 'listed',
      comment: 'A new folder says what it may import: MAY_IMPORT.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          'index\\.ts$',
          '__tests__',
          ...Object.keys(MAY_IMPORT).map(pathOf)
        ]
      },
      to: {}
    },
    ...Object.entries(MAY_IMPORT).map(([name, others]) => ({
      name: `${name}-imports`,
      comment: `${name} may import: ${others.join(', ') || 'nothing of src'}.`,
      severity: 'error',
      from: { path: pathOf(name) },
      to: { path: '^src/', pathNot: [name, ...others].map(pathOf) }
    })),
    {
      name: 'tokens-are-interfaces',
      severity: 'error',
      from: { path: pathOf('tokens') },
      to: {
        path: '^src/',
        pathNot: '^src/(server/(api|interfaces)|roleTags)\\.ts$'
      }
    },
    {
      name: 'text-and-values-are-pure',
      comment:
        'What the server sends and what text it becomes needs no JupyterLab.',
      severity: 'error',
      from: { path: '^src/(text/|commands\\.ts$|server/api\\.ts$)' },
      to: {
        path: 'node_modules/@(jupyterlab|lumino)/',
        pathNot: 'node_modules/@jupyterlab/translation/'
      }
    },
    {
      name: 'widgets-need-no-framework',
      comment:
        'A widget is loaded where there is no JupyterLab; of translations it takes types alone.',
      severity: 'error',
      from: { path: '^src/widgets/' },
      to: {
        reachable: true,
        path: 'node_modules/',
        pathNot: 'node_modules/@jupyterlab/translation/'
      }
    },
    {
      name: 'no-imports-of-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: '__tests__' },
      to: { path: '__tests__' }
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true
  }
};
