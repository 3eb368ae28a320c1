import { EXTRA, type Told } from '../harness/booking.contracts.js';

/** A row of the log. */
export interface LogRow {
  readonly gid: string;
  readonly state: string;
  readonly stuck: string | null;
}

/** A branch as the barrier of its service remembers it, and what the journal says that was done for it. */
export interface BranchRow {
  readonly gid: string;
  readonly branchId: string;
  readonly kind: string | null;
  readonly state: string | null;
  readonly wasEmpty: boolean | null;
  readonly isInDoubt: boolean;
  readonly name: string | null;
  /** What is taken for good, or still held. */
  readonly net: number;
  /** `take`, `confirm` and `give back`, in the order in which they happened. */
  readonly deeds: readonly string[];
}

/** What is left when nothing is under way any more. */
export interface Remains {
  readonly log: readonly LogRow[];
  readonly branches: Readonly<Record<string, readonly BranchRow[]>>;
  /** Names whose balance is not what the journal says, with their service. */
  readonly outOfBalance: readonly string[];
  readonly told: readonly Told[];
}

export const BRANCHES = `
select coalesce(b.gid, j.gid) as gid, coalesce(b.branch_id, j.branch_id) as "branchId", b.kind, b.state,
  b.was_empty as "wasEmpty", b.doubt_at is not null as "isInDoubt", j.name, coalesce(j.net, 0)::int as net,
  coalesce(j.deeds, '{}') as deeds
from atone.barrier as b
full join (
  select gid, branch_id, min(name) as name, array_agg(what order by line) as deeds,
    sum(case what when 'take' then amount when 'give back' then -amount else 0 end) as net
  from journal
  group by gid, branch_id
) as j on j.gid = b.gid and j.branch_id = b.branch_id`;

export const OUT_OF_BALANCE = `
select b.name
from balance as b
left join journal as j on j.name = b.name
group by b.name
having b.held <> 0
  or b.amount <> b.funded - coalesce(sum(case j.what when 'take' then j.amount when 'give back' then -j.amount else 0 end), 0)`;

/** Returns, in sentences, all that does not hold. */
export function ledViolations({ log, branches, outOfBalance, told }: Remains): readonly string[] {
  const states = new Map(log.map(({ gid, state }) => [gid, state]));
  const rows = Object.values(branches).flat();
  return [
    ...log
      .filter((row) => !isEnded(row))
      .map(({ gid, state, stuck }) => `${gid} is ${state}, stuck: ${stuck}`),
    ...rows.flatMap((row) => branchViolations(row, states.get(row.gid))),
    ...[...states].flatMap(([gid, state]) => sumViolations(gid, state, branches)),
    ...outOfBalance.map((name) => `the journal does not account for what is left of ${name}`),
    ...told.flatMap((each) => tellingViolations(each, states.get(each.gid))),
  ];
}

/** Tells whether a row of the log needs nothing any more. */
export function isEnded({ state }: LogRow): boolean {
  return state === 'committed' || state === 'aborted';
}

const ENDS: Readonly<Record<string, string>> = {
  'saga confirmed': 'take',
  'tcc confirmed': 'take, confirm',
  'saga undone': 'take, give back',
  'tcc undone': 'take, give back',
};

function branchViolations(
  { gid, branchId, ...row }: BranchRow,
  logState: string | undefined,
): readonly string[] {
  const branch = `branch ${branchId} of ${gid}`;
  if (logState === undefined || row.state === null) {
    return [`${branch} is unknown to the ${row.state === null ? 'barrier' : 'log'}: ${row.deeds.join(', ')}`];
  }
  const expected = row.wasEmpty === true ? '' : ENDS[`${row.kind} ${row.state}`];
  return [
    ...(row.isInDoubt ? [`${branch} is in doubt`] : []),
    ...(row.deeds.join(', ') === expected ? [] : [`${branch} is ${row.state} by: ${row.deeds.join(', ')}`]),
    ...(row.state === 'confirmed' && logState !== 'committed'
      ? [`${branch} is confirmed, and ${logState}`]
      : []),
  ];
}

/** All or nothing: what is committed is taken from each ledger alike, and what is aborted from none. */
function sumViolations(gid: string, state: string, branches: Remains['branches']): readonly string[] {
  const sums = Object.entries(branches).map(([service, rows]) => {
    const own = rows.filter((row) => row.gid === gid && row.name !== EXTRA);
    return { service, sum: own.reduce((total, { net }) => total + net, 0) };
  });
  const isWhole = sums.every(({ sum }) => sum === sums[0]?.sum && sum > 0 === (state === 'committed'));
  const words = sums.map(({ service, sum }) => `${service} ${sum}`).join(', ');
  return isWhole ? [] : [`${gid} is ${state}, and took: ${words}`];
}

function tellingViolations({ gid, outcome, error }: Told, state = 'aborted'): readonly string[] {
  const isTrue = outcome === 'unknown' || (outcome === 'undecided' ? 'aborted' : outcome) === state;
  return isTrue ? [] : [`${gid} was told to be ${outcome} (${error ?? 'returned'}), and is ${state}`];
}
