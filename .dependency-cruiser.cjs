/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'core-imports-nothing',
      severity: 'error',
      from: { path: '^libs/core/src', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^libs/core/src' },
    },
    {
      name: 'adapters-meet-only-in-apps',
      severity: 'error',
      from: { path: '^libs/(store|transport)-([^/]+)/src' },
      to: { path: '^libs/(store|transport)-', pathNot: '^libs/$1-$2/' },
    },
    { name: 'libs-never-import-apps', severity: 'error', from: { path: '^libs' }, to: { path: '^apps' } },
    {
      name: 'through-the-front-door',
      severity: 'error',
      comment: 'Import a package by its name, not by a path into it.',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: { path: '^libs/[^/]+/src/(?!index\\.ts$)', pathNot: '^libs/$2/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@atone/source', 'types', 'import', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
