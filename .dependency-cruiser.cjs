/** What stands in a package's tests, and may therefore know more than its product does. */
const TESTS = '(\\.spec\\.ts$|/src/testing/|\\.conformance\\.ts$)';

/** Says that the product code of `libs/<name>` may import these libs and no others. */
function onlyKnows(name, known) {
  return {
    name: `${name}-knows-only-${known.join('-') || 'itself'}`,
    severity: 'error',
    from: { path: `^libs/${name}/src`, pathNot: TESTS },
    to: { path: '^libs/', pathNot: `^libs/(${[name, ...known].join('|')})/` },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'core-imports-nothing',
      severity: 'error',
      from: { path: '^libs/core/src', pathNot: TESTS },
      to: { pathNot: '^libs/core/src' },
    },
    onlyKnows('protocol', ['core']),
    onlyKnows('engine', ['core', 'protocol']),
    onlyKnows('store-postgres', ['core', 'protocol', 'engine']),
    onlyKnows('transport-http', ['core', 'protocol', 'engine']),
    onlyKnows('kafka', []),
    onlyKnows('transport-kafka', ['core', 'protocol', 'engine', 'kafka']),
    onlyKnows('participant', ['core', 'protocol', 'kafka']),
    onlyKnows('automatic', ['core', 'protocol', 'participant']),
    onlyKnows('nestjs', ['core', 'protocol', 'participant', 'kafka']),
    onlyKnows('embedded-postgres', []),
    onlyKnows('embedded-kafka', []),
    onlyKnows('testing', ['core', 'protocol', 'engine', 'transport-http', 'participant', 'nestjs']),
    {
      name: 'adapters-never-meet',
      severity: 'error',
      from: { path: '^libs/(store|transport)-([^/]+)/src' },
      to: { path: '^libs/(store|transport)-', pathNot: '^libs/$1-$2/' },
    },
    {
      name: 'nothing-imports-apps',
      severity: 'error',
      from: { path: '^(libs|examples|apps/([^/]+))/' },
      to: { path: '^apps/', pathNot: '^apps/$2/' },
    },
    {
      name: 'fakes-stay-in-tests',
      severity: 'error',
      comment: 'libs/testing is made of them, and is for tests itself.',
      from: { path: '^(libs|apps|examples)/', pathNot: ['^libs/testing/', TESTS] },
      to: { path: '^libs/[^/]+/src/testing/' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^(libs|apps|examples|bench)/', pathNot: ['^libs/testing/', TESTS] },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'through-the-front-door',
      severity: 'error',
      comment: 'Import a package by its name, not by a path into it.',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: {
        path: '^libs/[^/]+/src/(?!(((testing|pg|typeorm|nestjs|kafka|connect|kafkajs|platformatic)/)?index|testing/conformance)\\.ts$)',
        pathNot: '^libs/$2/',
      },
    },
    {
      name: 'only-who-asks-gets-a-database',
      severity: 'error',
      comment: 'Who has pg or TypeORM alone must be able to compile without the types of the other.',
      from: { path: '^libs/(participant|nestjs|testing)/src/((pg|typeorm)/)?index\\.ts$' },
      to: {
        path: 'node_modules/(@types/)?(pg|typeorm)/',
        pathNot: 'node_modules/(@types/)?$3/',
        reachable: true,
      },
    },
    {
      name: 'only-who-asks-gets-kafka',
      severity: 'error',
      from: { path: '^libs/(participant|nestjs|testing)/src/((pg|typeorm)/)?index\\.ts$' },
      to: { path: '^libs/kafka/', reachable: true },
    },
    {
      name: 'tests-without-nest',
      severity: 'error',
      comment: 'Who does not use NestJS must be able to test without it.',
      from: { path: '^libs/testing/src/index\\.ts$' },
      to: { path: '(node_modules/@nestjs/|^libs/nestjs/)', reachable: true },
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
