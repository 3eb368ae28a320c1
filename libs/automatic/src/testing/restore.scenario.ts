import type { AutomaticFixture } from './automatic.fixture.js';

/** The global transaction of every scenario. */
export const SCENARIO_GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';

/** What a branch does, to tables that are made and attached for it. */
export interface Scenario {
  readonly title: string;
  readonly tables: string;
  readonly attached: readonly string[];
  readonly work: string;
  /** What is done between the branch and its undo. */
  readonly meanwhile?: string;
}

/** How the tables of the service were, at each point of a scenario. */
export interface Restored {
  readonly answer: unknown;
  readonly before: readonly string[];
  readonly between: readonly string[];
  readonly after: readonly string[];
  readonly imageCount: number;
}

/** Makes the tables of a scenario in an empty schema, and attaches them. Returns the warnings. */
export async function prepare(
  fixture: AutomaticFixture,
  { tables, attached }: Pick<Scenario, 'tables' | 'attached'>,
): Promise<readonly string[]> {
  await fixture.run(
    'drop schema public cascade; create schema public; truncate atone.attached, atone.image, atone.undoing',
  );
  await fixture.run(tables);
  const warnings = [];
  for (const table of attached) {
    // oxlint-disable-next-line no-await-in-loop -- a table comes after those that follow it
    warnings.push(...(await fixture.rows('select warning from atone.attach($1::regclass)', [table])));
  }
  return warnings.map(({ warning }) => String(warning));
}

/** Plays a scenario up to the undo of its branch. */
export async function playUntilUndo(fixture: AutomaticFixture, scenario: Scenario): Promise<void> {
  await prepare(fixture, scenario);
  await fixture.inBranch(SCENARIO_GID, '1', scenario.work);
  await fixture.run(scenario.meanwhile ?? '');
}

/** Plays a scenario to its end, in which its branch is undone. */
export async function playScenario(fixture: AutomaticFixture, scenario: Scenario): Promise<Restored> {
  await prepare(fixture, scenario);
  const before = await fixture.content();
  await fixture.inBranch(SCENARIO_GID, '1', scenario.work);
  const between = await fixture.content();
  await fixture.run(scenario.meanwhile ?? '');
  const answer = await fixture.undo(SCENARIO_GID);
  const after = await fixture.content();
  const images = await fixture.rows('select from atone.image');
  return { answer, before, between, after, imageCount: images.length };
}

const TRACES = `
select tgname::text as name from pg_trigger where tgname in ('zzz_atone_capture', 'atone_truncate')
union all
select table_name::text from atone.attached
union all
select viewname::text from pg_views where schemaname = 'atone_read'`;

/** Everything that attached tables have besides themselves. */
export async function tracesOf(fixture: AutomaticFixture): Promise<readonly unknown[]> {
  return fixture.rows(TRACES);
}
