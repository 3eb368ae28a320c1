import type { Json } from '@atone/core';
import fc from 'fast-check';
import type { InstanceFacts, NewRow, RowFilter, RowProgress, RowUpdate } from '../log.port.js';
import { ALICE, BOB, CAROL, ended } from './log.desk.js';
import { GRAIN_MS, rejected, type Operation, type Scene } from './log.operation.js';

const MINUTE_MS = 60_000;
/** Up to which time of a run a gid still tells when its row was accepted: a world may shift rows, but not their ids. */
const GIDS_TELL_TIME_MS = 50 * MINUTE_MS;

const INSTANCES = [ALICE, BOB, CAROL] as const;
export const KEYS = ['k1', 'k2', 'k3'] as const;

/** An operation that is drawn before it is known what the log holds: rows are named by a number. */
export interface Intent {
  readonly title: string;
  prepare(scene: Scene): Operation;
}

type Live = Omit<RowProgress, 'stuckAt'>;
export type RowDraft = Pick<
  NewRow,
  'name' | 'initiator' | 'lane' | 'deadlineInMs' | 'services' | 'tags' | 'owner'
> & {
  readonly idempotency: NewRow['idempotency'];
  readonly live: Live;
};
interface ChangeDraft {
  readonly row: number;
  /** The version that is named, beside the one that the row has. */
  readonly versionsOff: number;
  /** Whether it was in another life of the log that the row had this version. */
  readonly isOfOtherLife: boolean;
  readonly owner: string | undefined;
  readonly change: Live | { readonly end: 'committed' | 'aborted' };
}

const instance = fc.constantFrom(...INSTANCES);
const rowNumber = fc.nat(11);
const key = fc.constantFrom(...KEYS);
const rarely = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });
const delayMs = fc.constantFrom(0, GRAIN_MS, 3 * GRAIN_MS, 7 * GRAIN_MS);

const live: fc.Arbitrary<Live> = fc.record({
  state: fc.constantFrom('running', 'running', 'committing', 'aborting', 'active'),
  stuckReason: rarely(fc.constantFrom('refused', 'mixed')),
  isPaused: fc.constantFrom(false, false, true),
  dueInMs: delayMs,
  document: fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>,
});

export const rowDraft: fc.Arbitrary<RowDraft> = fc.record({
  name: fc.constantFrom('place-order', 'refund'),
  initiator: rarely(fc.constant('shop')),
  lane: rarely(fc.constant('green')),
  deadlineInMs: rarely(fc.constantFrom(MINUTE_MS, 10 * MINUTE_MS)),
  services: fc.subarray(['bank', 'stock']),
  tags: fc.constantFrom<NewRow['tags']>({}, { order: '7' }, { order: '8', shop: 'a=b' }),
  owner: instance,
  idempotency: rarely(fc.record({ key, bodyHash: fc.constantFrom('one', 'two') })),
  live,
});

function changeDraft(versionsOff: readonly number[]): fc.Arbitrary<ChangeDraft> {
  return fc.record({
    row: rowNumber,
    versionsOff: fc.constantFrom(...versionsOff),
    isOfOtherLife: fc.constantFrom(false, false, false, false, true),
    owner: rarely(instance),
    change: fc.oneof(
      { weight: 3, arbitrary: live },
      { weight: 1, arbitrary: fc.record({ end: fc.constantFrom('committed' as const, 'aborted' as const) }) },
    ),
  });
}

const accept = fc.array(rowDraft, { minLength: 1, maxLength: 4 }).map((drafts): Intent => ({
  title: `accept ${JSON.stringify(drafts)}`,
  prepare: (scene) => scene.accept(drafts.map((draft) => newRow(scene, draft))),
}));

function update(versionsOff: readonly number[]): fc.Arbitrary<Intent> {
  return fc
    .uniqueArray(changeDraft(versionsOff), { minLength: 1, maxLength: 3, selector: ({ row }) => row })
    .map((drafts): Intent => ({
      title: `update ${JSON.stringify(drafts)}`,
      prepare: (scene) => scene.update(distinct(drafts.map((draft) => rowUpdate(scene, draft)))),
    }));
}

const claimDue = fc.tuple(instance, fc.integer({ min: 1, max: 5 })).map(([id, limit]): Intent => ({
  title: `claimDue ${id} ${limit}`,
  prepare: (scene) => scene.claimDue(id, limit),
}));

const claim = fc.tuple(instance, rowNumber).map(([id, row]): Intent => ({
  title: `claim ${id} row ${row}`,
  prepare: (scene) => scene.claim(id, gidAt(scene, row)),
}));

const claimOwn = fc.tuple(instance, fc.uniqueArray(rowNumber)).map(([id, rows]): Intent => ({
  title: `claimOwn ${id} rows ${rows.join(' ')}`,
  prepare: (scene) => scene.claimOwn(id, [...new Set(rows.map((row) => gidAt(scene, row)))]),
}));

const facts: fc.Arbitrary<InstanceFacts> = fc.record({
  version: fc.constantFrom('1.0.0', '"1", {0}'),
  format: fc.nat(3),
  url: rarely(fc.constant('http://10.0.0.7:7070')),
  replyPartitions: rarely(fc.array(fc.nat(11))),
  isStandby: rarely(fc.constant(true as const)),
  kafkaPrefix: rarely(fc.constantFrom('shop', null)),
});

const renewLease = fc
  .tuple(instance, fc.constantFrom(GRAIN_MS, 5 * GRAIN_MS, 241 * GRAIN_MS), rarely(facts))
  .map(([id, leaseMs, told]): Intent => ({
    title: `renewLease ${id} ${leaseMs} ${JSON.stringify(told)}`,
    prepare: (scene) => scene.renewLease(id, leaseMs, told),
  }));

const endLease = instance.map((id): Intent => ({
  title: `endLease ${id}`,
  prepare: (scene) => scene.endLease(id),
}));

const look: fc.Arbitrary<Intent> = fc.oneof(
  instance.map((id): Intent => ({ title: `owned ${id}`, prepare: (scene) => scene.owned(id) })),
  rowNumber.map((row): Intent => ({
    title: `get row ${row}`,
    prepare: (scene) => scene.get(gidAt(scene, row)),
  })),
  key.map((name): Intent => ({ title: `findKey ${name}`, prepare: (scene) => scene.findKey(name) })),
  fc.uniqueArray(rowNumber).map((rows): Intent => ({
    title: `ended rows ${rows.join(' ')}`,
    prepare: (scene) => scene.ended([...new Set(rows.map((row) => gidAt(scene, row)))]),
  })),
  fc.uniqueArray(rowNumber).map((rows): Intent => ({
    title: `endings of rows ${rows.join(' ')}`,
    prepare: (scene) => scene.endings([...new Set(rows.map((row) => gidAt(scene, row)))]),
  })),
  fc.uniqueArray(rowNumber).map((rows): Intent => ({
    title: `drives of rows ${rows.join(' ')}`,
    prepare: (scene) => scene.drives([...new Set(rows.map((row) => gidAt(scene, row)))]),
  })),
);

const counts = fc.constant<Intent>({ title: 'counts', prepare: (scene) => scene.counts() });
const instances = fc.constant<Intent>({ title: 'instances', prepare: (scene) => scene.instances() });

const age = fc.nat(6).map((count) => (2 * count + 1) * GRAIN_MS);
const list = fc
  .record({
    state: rarely(fc.constantFrom('running', 'committing', 'aborting', 'active', 'committed', 'aborted')),
    outcome: rarely(fc.constantFrom('undecided', 'committed', 'aborted')),
    isStuck: rarely(fc.boolean()),
    stuckReason: rarely(fc.constantFrom('refused', 'mixed')),
    isPaused: rarely(fc.boolean()),
    name: rarely(fc.constantFrom('place-order', 'refund')),
    service: rarely(fc.constantFrom('bank', 'stock')),
    tag: rarely(fc.constantFrom({ name: 'order', value: '7' }, { name: 'shop', value: 'a=b' })),
    idempotencyKey: rarely(key),
    fromAge: rarely(age),
    toAge: rarely(age),
    after: rarely(rowNumber),
    limit: fc.integer({ min: 1, max: 10 }),
  } satisfies Record<string, fc.Arbitrary<unknown>>)
  .map((drawn): Intent => ({
    title: `list ${JSON.stringify(drawn)}`,
    prepare: (scene) => scene.list(filterOf(scene, drawn)),
  }));

/** A batch of which one is bad: a gid that is there already or comes twice, or a row whose turn never comes. */
const badBatch: fc.Arbitrary<Intent> = fc
  .record({ row: rowNumber, draft: rowDraft, isAtEnd: fc.boolean() })
  .chain(({ row, draft, isAtEnd }) => {
    const batch = <Item>(good: Item, bad: Item): Item[] => (isAtEnd ? [good, bad] : [bad, good]);
    const title = (what: string): string => `bad batch: ${what}, row ${row}, ${isAtEnd ? 'last' : 'first'}`;
    return fc.constantFrom<Intent>(
      {
        title: title('accept what is there'),
        prepare: (scene) => {
          const again = { ...newRow(scene, { ...draft, idempotency: undefined }), gid: gidAt(scene, row) };
          const fresh = newRow(scene, draft);
          return scene.model.gids.includes(again.gid)
            ? rejected((log) => log.accept(batch(fresh, again)))
            : scene.accept([fresh]);
        },
      },
      {
        title: title('accept one twice'),
        prepare: (scene) => {
          const twice = newRow(scene, { ...draft, idempotency: undefined });
          return rejected((log) => log.accept([twice, newRow(scene, draft), twice]));
        },
      },
      {
        title: title('update one twice'),
        prepare: (scene) => {
          const twice = rowUpdate(scene, { ...NAMED_WELL, row, owner: ALICE, change: draft.live });
          return rejected((log) => log.update([twice, twice]));
        },
      },
      {
        title: title('update without a due time'),
        prepare: (scene) => {
          const change = { ...NAMED_WELL, owner: undefined, change: draft.live };
          const good = rowUpdate(scene, { ...change, row: row + 1 });
          const endless = { ...draft.live, dueInMs: undefined };
          const bad = rowUpdate(scene, { ...change, row, change: endless });
          return rejected((log) => log.update(distinct(batch(good, bad).toReversed())));
        },
      },
    );
  });

/** What an instance may ask while it is alone. */
export const anyIntent: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 5, arbitrary: accept },
  { weight: 6, arbitrary: update([0, 0, 0, -1, 1]) },
  { weight: 3, arbitrary: claimDue },
  { weight: 3, arbitrary: claim },
  { weight: 2, arbitrary: claimOwn },
  { weight: 2, arbitrary: renewLease },
  { weight: 1, arbitrary: endLease },
  { weight: 2, arbitrary: look },
  { weight: 1, arbitrary: counts },
  { weight: 1, arbitrary: instances },
  { weight: 2, arbitrary: list },
  { weight: 1, arbitrary: badBatch },
);

/**
 * What two may ask at the same time. Each is one look at the log; and nobody names a version before it is there, which
 * a log may deny although the other one is just making it.
 */
export const intentAmongOthers: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 3, arbitrary: accept },
  { weight: 6, arbitrary: update([0, 0, 0, -1]) },
  { weight: 3, arbitrary: claimDue },
  { weight: 3, arbitrary: claim },
  { weight: 2, arbitrary: claimOwn },
  { weight: 1, arbitrary: renewLease },
  { weight: 1, arbitrary: endLease },
  { weight: 1, arbitrary: look },
);

/** A write whose answer can be lost. */
export const writeIntent: fc.Arbitrary<Intent> = fc.oneof(accept, update([0]));

export function newRow({ desk }: Scene, { live: drawn, ...given }: RowDraft): NewRow {
  return desk.newRow({ ...given, plan: { of: given.name }, progress: stuckNow(desk.now, drawn) });
}

/** The row's own version, in the present life of the log. */
const NAMED_WELL = { versionsOff: 0, isOfOtherLife: false };

function rowUpdate(scene: Scene, { row, versionsOff, isOfOtherLife, owner, change }: ChangeDraft): RowUpdate {
  const gid = gidAt(scene, row);
  const version = scene.model.versionOf(gid) + versionsOff;
  const epoch = scene.desk.epoch - (isOfOtherLife ? 1 : 0);
  return 'end' in change
    ? ended({ gid, version, epoch }, change.end)
    : { gid, version, epoch, owner, progress: stuckNow(scene.desk.now, change) };
}

function stuckNow(now: number, drawn: Live): RowProgress {
  return drawn.stuckReason === undefined ? drawn : { ...drawn, stuckAt: now };
}

/** Returns the gid that a number stands for, or one that the log does not have. */
function gidAt({ model, desk }: Scene, row: number): string {
  const { gids } = model;
  return gids[row % (gids.length + 1)] ?? desk.newRow().gid;
}

function distinct(updates: readonly RowUpdate[]): RowUpdate[] {
  return [...new Map(updates.map((change) => [change.gid, change])).values()];
}

function filterOf(
  scene: Scene,
  drawn: Omit<RowFilter, 'acceptedFrom' | 'acceptedTo' | 'afterGid'> & {
    readonly fromAge: number | undefined;
    readonly toAge: number | undefined;
    readonly after: number | undefined;
  },
): RowFilter {
  const { fromAge, toAge, after, ...filter } = drawn;
  const at = (ageMs: number | undefined): number | undefined =>
    ageMs === undefined || scene.model.nowMs > GIDS_TELL_TIME_MS ? undefined : scene.model.nowMs - ageMs;
  return {
    ...filter,
    acceptedFrom: at(fromAge),
    acceptedTo: at(toAge),
    afterGid: after === undefined ? undefined : gidAt(scene, after),
  };
}
