import type { PlantedBug } from './planted.bug.js';

const FOLDER = 'libs/participant/src';

/** Mistakes in the barrier. */
export const PARTICIPANT_BUGS: readonly PlantedBug[] = [
  {
    name: 'barrier-beside-the-effect',
    what: 'The effect stays when the transaction of its barrier row fails.',
    promises: ['S4', 'S5', 'SA1', 'SA2', 'S1', 'SA5', 'TC1', 'TC4'],
    edits: [
      {
        file: `${FOLDER}/testing/memory.database.ts`,
        find: '          this.rollBack(session);\n          sessions.delete(session);',
        replace:
          '          if (session.isOpen && session.entries.length > 0) {\n            session.rows.clear();\n            this.commit(session);\n          }\n' +
          '          this.rollBack(session);\n          sessions.delete(session);',
      },
    ],
  },
  {
    name: 'late-action-not-barred',
    what: 'An undo that finds nothing leaves no mark, and a late action runs.',
    promises: ['SA1', 'S5'],
    edits: [
      {
        file: `${FOLDER}/barrier.ts`,
        find: '  const { sql } = open;\n  const held = await lockOrInsert(sql, call, () => rows.insertEmptyUndo(sql, call));\n  if (held === true) {',
        replace:
          '  const { sql } = open;\n  const held = (await rows.lockRow(sql, call)) ?? true;\n  if (held === true) {',
      },
    ],
  },
  {
    name: 'undo-without-an-action',
    what: 'A compensation runs although its action never did.',
    promises: ['S7', 'L1'],
    edits: [
      {
        file: `${FOLDER}/barrier.ts`,
        find: '  const { sql } = open;\n  const held = await lockOrInsert(sql, call, () => rows.insertEmptyUndo(sql, call));\n  if (held === true) {',
        replace:
          '  const { sql } = open;\n  const held = await lockOrInsert(sql, call, () => rows.insertEmptyUndo(sql, call));\n  if (held === true) {\n' +
          "    await handler(open.transaction, { input: { branch: 'nobody' }, output: null });",
      },
    ],
  },
  {
    name: 'each-attempt-a-branch-of-its-own',
    what: 'The barrier knows a repeat by the number of its attempt, and so never.',
    promises: ['S4', 'SA1', 'SA2', 'S5', 'TC1', 'TC2'],
    edits: [
      {
        file: `${FOLDER}/participant.ts`,
        find: 'const { gid, branchId, service, action, round, op',
        replace: 'const { gid, branchId: plainId, attempt: own, service, action, round, op',
      },
      {
        file: `${FOLDER}/participant.ts`,
        find: '    if (service !== this.options.service) {',
        replace: '    const branchId = `${plainId}.${own}`;\n    if (service !== this.options.service) {',
      },
    ],
  },
  {
    name: 'refusal-not-stored',
    what: 'A refusal is told and not stored, so that a repeat may succeed.',
    promises: ['SA1', 'SA2', 'SA5', 'S1', 'TC1'],
    edits: [
      {
        file: `${FOLDER}/barrier.turn.ts`,
        find: '    return database.transaction(({ sql }) => work.store(sql, refusal));',
        replace: "    return { outcome: 'refused', refusal: { ...refusal, isStored: true } } as BranchReply;",
      },
    ],
  },
  {
    name: 'answer-before-the-commit',
    what: 'A participant whose commit fails has answered yes already.',
    promises: ['SA1', 'SA2', 'SA5'],
    edits: [
      {
        file: `${FOLDER}/barrier.turn.ts`,
        find: '  return database.transaction(work.run).catch((error: unknown) => {',
        replace:
          '  let early: BranchReply | undefined;\n' +
          '  const run: typeof work.run = async (open) => (early = await work.run(open));\n' +
          '  return database.transaction(run).catch((error: unknown) => {\n' +
          '    if (early !== undefined) {\n      return early;\n    }',
      },
    ],
  },
  {
    name: 'undone-twice',
    what: 'A compensation that is repeated runs again.',
    promises: ['S4', 'S7'],
    edits: [
      {
        file: `${FOLDER}/barrier.ts`,
        find: '  await rows.storeUndo(sql, call, held.transactionId);',
        replace: '',
      },
    ],
  },
  {
    name: 'closed-round-runs',
    what: 'A round that was closed for a skip runs all the same.',
    promises: ['SA1', 'SA2'],
    edits: [
      {
        file: `${FOLDER}/barrier.ts`,
        find: '  const held = await lockOrInsert(sql, call, () => rows.insertRefused(sql, call, CLOSED));',
        replace: '  const held = (await rows.lockRow(sql, call)) ?? true;',
      },
    ],
  },
  {
    name: 'rows-removed-while-redelivery-is-possible',
    what: 'Barrier rows are removed, and a late duplicate that finds none is carried out.',
    promises: ['S4', 'S5', 'SA1', 'SA5', 'S1', 'SA2'],
    edits: [
      {
        file: `${FOLDER}/barrier.late.ts`,
        find: '  if (ending?.isLive === true) {',
        replace: '  if (ending?.isLive !== undefined) {',
      },
    ],
  },
  {
    name: 'rows-removed-of-live-transactions',
    what: 'Barrier rows are removed by their age alone, while their transaction still goes on.',
    // L1: the undo of what was done finds no row, and is asked again in vain.
    promises: ['S4', 'S5', 'S7', 'SA1', 'SA2', 'SA5', 'L1'],
    edits: [
      {
        file: `${FOLDER}/barrier.janitor.ts`,
        find: '.filter((ending) => !ending.isLive && ending.endedForMs >= this.settings.keepForMs)',
        replace: '.filter(() => this.settings.keepForMs >= 0)',
      },
    ],
  },
  {
    name: 'mark-read-once',
    what: 'Whether rows may have been removed is looked up when an action takes its row, and not again before it commits.',
    promises: ['S4', 'S5', 'SA1', 'SA2', 'SA5', 'S1'],
    mode: {
      kinds: ['participant-pause', 'command-repeated', 'command-late'],
      options: { keepRowsMs: 1, weakSpot: 'participant-pause', plainCount: 0, instanceCount: 2 },
    },
    edits: [
      {
        file: `${FOLDER}/barrier.ts`,
        find: 'if (isPast && !taken.isPast) {',
        replace: 'if (isPast && taken.isPast && open === undefined) {',
      },
    ],
  },
];
