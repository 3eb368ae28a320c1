import type { PlantedBug } from './planted.bug.js';

const FOLDER = 'libs/core/src';

/** Mistakes in the machine of the saga. */
export const SAGA_BUGS: readonly PlantedBug[] = [
  {
    name: 'undo-set-from-the-lazy-row',
    what: 'After a takeover an abort undoes only what the row says was sent.',
    promises: ['SA1'],
    edits: [
      {
        file: `${FOLDER}/saga.machine.ts`,
        find: "draft.change({ memory: 'broken' });",
        replace: "draft.change({ memory: 'unbroken' });",
      },
    ],
  },
  {
    name: 'pivot-not-durable',
    what: '"Pivot sent" is not on disk before the command of the pivot.',
    promises: ['SA1', 'SA5', 'S1'],
    edits: [
      {
        file: `${FOLDER}/saga.draft.ts`,
        find: 'if (!step.hasBarrier || (step.pivot && !branch.wasSent)) {',
        replace: 'if (!step.hasBarrier) {',
      },
    ],
  },
  {
    name: 'send-without-a-barrier-not-durable',
    what: 'A command to an endpoint without a barrier goes out before "sent" is on disk.',
    promises: ['SA1', 'SA2'],
    edits: [
      {
        file: `${FOLDER}/saga.draft.ts`,
        find: 'if (!step.hasBarrier || (step.pivot && !branch.wasSent)) {',
        replace: 'if (step.pivot && !branch.wasSent) {',
      },
    ],
  },
  {
    name: 'abort-not-durable',
    what: 'An undo is sent before the abort is on disk.',
    promises: ['S1', 'SA1'],
    edits: [
      {
        file: `${FOLDER}/saga.abort.ts`,
        find: '  draft.durableFirst();\n}',
        replace: '}',
      },
    ],
  },
  {
    name: 'round-not-durable',
    what: 'A new round after a stored refusal is sent before it is on disk.',
    promises: ['SA1', 'L1'],
    mode: { kinds: ['refusal', 'coordinator-crash', 'kill-coordinator'], options: { weakSpot: 'refusal' } },
    edits: [
      {
        file: `${FOLDER}/saga.settle.ts`,
        find: "      refusal: undefined,\n    });\n    draft.durableFirst();\n    draft.send(branchId, 'action');",
        replace: "      refusal: undefined,\n    });\n    draft.send(branchId, 'action');",
      },
    ],
  },
  {
    name: 'undo-in-forward-order',
    what: 'A step is undone before those that depend on it.',
    promises: ['SA2'],
    edits: [
      {
        file: `${FOLDER}/saga.settle.ts`,
        find: "if (isToUndo && (!isHeld || branch.state === 'compensating')) {",
        replace: 'if (isToUndo) {',
      },
    ],
  },
  {
    name: 'unknown-counts-as-not-done',
    what: 'An abort leaves out the steps whose outcome is unknown.',
    promises: ['SA1', 'TC1'],
    edits: [
      {
        file: `${FOLDER}/saga.settle.ts`,
        find: "    case 'pending':\n    case 'calling':\n    case 'unknown':\n      return canUndo && branch.wasSent;",
        replace: "    case 'pending':\n    case 'calling':\n    case 'unknown':\n      return false;",
      },
    ],
  },
  {
    name: 'unknown-counts-as-no',
    what: 'An error of a participant is taken for its refusal.',
    promises: ['SA1', 'SA2', 'SA5'],
    edits: [
      {
        file: `${FOLDER}/saga.reply.ts`,
        find: "    case 'unknown':\n      applyUnknown(draft, branchId, reply.error);",
        replace:
          "    case 'unknown':\n      applyRefusal(draft, branchId, { reason: reply.error.message, isStored: true });",
      },
    ],
  },
  {
    name: 'reply-of-an-earlier-round-counts',
    what: 'A late refusal of an earlier round is taken for the answer to the round under way.',
    promises: ['S4', 'SA1', 'SA2', 'SA5', 'L1'],
    mode: {
      kinds: ['refusal', 'reply-repeated', 'reply-late'],
      options: { isTransportPatient: true, weakSpot: 'reply-repeated' },
    },
    edits: [
      {
        file: `${FOLDER}/saga.reply.ts`,
        find: 'if (branch === undefined || event.round !== roundOf(branch, op)) {',
        replace: 'if (branch === undefined) {',
      },
    ],
  },
  {
    name: 'deadline-without-looking',
    what: 'A deadline aborts although the pivot was sent.',
    promises: ['SA5', 'SA1', 'S1'],
    edits: [
      {
        file: `${FOLDER}/saga.state.ts`,
        find: "return pivot === undefined || !pivot.wasSent || pivot.state === 'refused';",
        replace: "return pivot === undefined || pivot.state !== 'done';",
      },
    ],
  },
  {
    name: 'refused-undo-counts-as-undone',
    what: 'A compensation that is refused is dropped.',
    promises: ['SA1', 'SA4'],
    edits: [
      {
        file: `${FOLDER}/saga.reply.ts`,
        find: "    draft.changeBranch(branchId, { refusal });\n    draft.stick(branchId, 'refused', `The compensation was refused: ${refusal.reason}`);",
        replace: "    end(draft, branchId, { state: 'compensated', refusal });",
      },
    ],
  },
  {
    name: 'reply-never-given-up',
    what: 'A reply that was lost is waited for without end.',
    promises: ['L1', 'error'],
    edits: [
      {
        file: `${FOLDER}/saga.machine.ts`,
        find: 'if (branch.isInFlight && branch.dueAt !== undefined && branch.dueAt <= draft.now) {',
        replace: 'if (branch.isInFlight && branch.dueAt === undefined) {',
      },
    ],
  },
  {
    name: 'takeover-waits-for-the-reply-of-another',
    what: 'Who takes over waits for what the former driver has asked, and never asks itself.',
    promises: ['L1'],
    edits: [
      {
        file: `${FOLDER}/saga.machine.ts`,
        find: 'if (branch.isInFlight && stepOf(draft.saga, branch.branchId).hasBarrier) {',
        replace: 'if (branch.isInFlight && branch.attempt < 0) {',
      },
    ],
  },
  {
    name: 'skip-without-closing',
    what: 'An operator skips a step without closing its round at the barrier, and the action runs later.',
    promises: ['SA1', 'SA2', 'S5'],
    edits: [
      {
        file: `${FOLDER}/saga.act.ts`,
        find: "} else if (stepOf(draft.saga, branchId).hasBarrier) {\n    draft.changeBranch(branchId, { state: isEnding(draft.branch(branchId)) ? state : 'calling' });\n    draft.close(branchId, closing);",
        replace: '} else if (branchId === undefined) {',
      },
    ],
  },
  {
    name: 'operator-aborts-behind-the-pivot',
    what: 'An operator may abort although the pivot was sent.',
    promises: ['SA5', 'SA1', 'S1'],
    edits: [
      {
        file: `${FOLDER}/saga.act.ts`,
        find: '  if (!isAbortable(draft.saga)) {',
        replace: "  if (draft.saga.state !== 'running') {",
      },
    ],
  },
];
