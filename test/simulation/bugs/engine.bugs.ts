import { NEVER_MS } from '../plan/options.js';
import type { PlantedBug } from './planted.bug.js';

const FOLDER = 'libs/engine/src';
const LOG = `${FOLDER}/testing/memory-log.ts`;

/** Mistakes in the engine, and in what it relies on of the log. */
export const ENGINE_BUGS: readonly PlantedBug[] = [
  {
    name: 'no-compare-and-set',
    what: 'The log writes a row whatever its version.',
    promises: ['S9', 'S1', 'S2', 'SA1', 'SA2', 'SA5', 'L1', 'L2'],
    edits: [{ file: LOG, find: 'row.version !== update.version || ', replace: '' }],
  },
  {
    name: 'takeover-without-a-new-version',
    what: 'To take a row over leaves its version as it was.',
    promises: ['S9', 'S1', 'S2', 'SA1', 'SA2', 'SA5', 'L1', 'L2'],
    edits: [
      {
        file: LOG,
        find: 'owner: instanceId, version: row.version + 1, updatedAt',
        replace: 'owner: instanceId, version: row.version, updatedAt',
      },
    ],
  },
  {
    name: 'conflict-ignored',
    what: 'A driver whose write finds another version goes on as if it had been written.',
    promises: ['S1', 'SA1', 'SA2', 'SA5', 'S5', 'S8', 'L1'],
    edits: [
      {
        file: `${FOLDER}/saga.driver.ts`,
        find: '    } else {\n      this.release(outcome);\n    }\n  }\n\n  private writeRow',
        replace:
          '    } else {\n      this.current = { saga, version: this.version };\n    }\n  }\n\n  private writeRow',
      },
    ],
  },
  {
    name: 'reply-dropped-on-conflict',
    what: 'A write whose answer was lost finds its own version, and its driver lets go of the row and of the reply, for good.',
    promises: ['L1'],
    mode: { kinds: ['log-unanswered'], options: { orphanEveryMs: NEVER_MS } },
    edits: [
      {
        file: `${FOLDER}/log-writer.ts`,
        find: 'return isDone || (await this.wasMine(update))',
        replace: 'return isDone',
      },
      {
        file: `${FOLDER}/driver.table.ts`,
        find: '// there, nothing pointed at the row.\n      suspectOrphans(driver.gid);',
        replace: '// there, nothing pointed at the row.',
      },
    ],
  },
  {
    name: 'write-of-another-taken-for-its-own',
    what: 'A driver in doubt takes any next version for its own write, and goes on beside the one that took the row over.',
    promises: ['S9', 'S1'],
    edits: [
      {
        file: `${FOLDER}/log-writer.ts`,
        find:
          ' &&\n      row.owner === update.owner &&\n      row.state === update.progress.state &&\n' +
          '      JSON.stringify(row.progress) === JSON.stringify(update.progress.document)',
        replace: '',
      },
    ],
  },
  {
    name: 'end-not-final',
    what: 'The log lets what has ended be claimed and written again.',
    promises: ['S2'],
    edits: [
      {
        file: LOG,
        find: 'row.version !== update.version || row.finishedAt !== undefined',
        replace: 'row.version !== update.version',
      },
      {
        file: LOG,
        find: 'return finishedAt === undefined && format <= ROW_FORMAT;',
        replace: 'return format <= ROW_FORMAT;',
      },
    ],
  },
  {
    name: 'one-batch-writes-a-row-twice',
    what: 'A former driver in doubt and its heir write one row in one batch, which the log refuses for ever.',
    promises: ['L1', 'L2'],
    edits: [
      {
        file: `${FOLDER}/log-writer.ts`,
        find: '{ ...lane, subjectOf: (update) => update.gid }',
        replace: 'lane',
      },
    ],
  },
  {
    name: 'outcome-told-before-it-is-durable',
    what: 'Who waits for the outcome hears of it before it is on disk.',
    promises: ['S8'],
    edits: [
      {
        file: `${FOLDER}/saga.driver.ts`,
        find: "    const isUrgent = transition.durability === 'first' || this.isAwaited;",
        replace:
          "    const isUrgent = transition.durability === 'first' || this.isAwaited;\n" +
          "    if (transition.durability === 'end') {\n" +
          '      this.current = { ...this.current, saga: transition.saga };\n' +
          "      this.host.released(this, 'ended');\n" +
          '    }',
      },
    ],
  },
  {
    name: 'commands-before-the-write',
    what: 'Commands go out while the state that they follow from is still being written.',
    promises: ['S1', 'S8', 'SA1', 'SA2', 'SA5'],
    edits: [
      {
        file: `${FOLDER}/saga.driver.ts`,
        find: '    await this.persist(transition.saga, isUrgent);\n',
        replace:
          '    this.current = { ...this.current, saga: transition.saga };\n' +
          '    this.send(transition.commands);\n' +
          '    await this.persist(transition.saga, isUrgent);\n',
      },
    ],
  },
  {
    name: 'accepted-before-it-is-durable',
    what: 'A submission is acknowledged while its row is still being written.',
    promises: ['S8', 'S11'],
    edits: [
      {
        file: `${FOLDER}/log-writer.ts`,
        find: 'return this.counted(this.acceptLane.add(row));',
        replace:
          'void this.counted(this.acceptLane.add(row)).catch(() => undefined);\n' +
          "    return { outcome: 'accepted', acceptedAt: this.ports.clock.now() };",
      },
    ],
  },
  {
    name: 'repeated-submission-starts-another',
    what: 'The idempotency key of a submission is not stored with it.',
    promises: ['S11'],
    edits: [
      {
        file: `${FOLDER}/acceptance.ts`,
        find: '      idempotency: request.idempotency,\n',
        replace: '      idempotency: undefined,\n',
      },
    ],
  },
  {
    name: 'recovery-ignores-what-aborts',
    what: 'Rows that are being undone are not taken over.',
    promises: ['L1', 'L2'],
    edits: [
      {
        file: LOG,
        find: 'if (!isLive(row) || row.owner === instanceId) {',
        replace: "if (!isLive(row) || row.state === 'aborting' || row.owner === instanceId) {",
      },
    ],
  },
  {
    name: 'recovery-ends-at-the-first-error',
    what: 'The loop that takes over what others left stops for good when the log fails once.',
    promises: ['L1', 'L2', 'error'],
    edits: [
      {
        file: `${FOLDER}/recovery.ts`,
        find: "          this.ports.logger.warn({ error, loop: name }, 'recovery pass failed');\n        })\n        .finally(",
        replace: '          throw error;\n        })\n        .then(',
      },
    ],
  },
  {
    name: 'unreadable-row-unseen',
    what: 'A row that makes no sense is taken over again and again, and nobody is told.',
    promises: ['L3'],
    edits: [
      {
        file: `${FOLDER}/driver.table.ts`,
        find: '      void this.quarantine(row.gid, error);\n      return undefined;',
        replace: '      return undefined;',
      },
    ],
  },
  {
    name: 'newer-format-touched',
    what: 'A row of a later version is taken over all the same.',
    promises: ['L3'],
    edits: [
      {
        file: LOG,
        find: 'return finishedAt === undefined && format <= ROW_FORMAT;',
        replace: 'return finishedAt === undefined;',
      },
    ],
  },
  {
    name: 'timer-forgotten',
    what: 'A driver that waits for its next attempt sets no timer.',
    promises: ['L1'],
    edits: [
      {
        file: `${FOLDER}/saga.driver.ts`,
        find: 'if (dueAt < this.timerAt && dueAt < Number.POSITIVE_INFINITY) {',
        replace: 'if (dueAt < this.timerAt && dueAt < 0) {',
      },
    ],
  },
  {
    name: 'lost-claim-forgotten',
    what: 'Rows that were claimed, though the answer was lost, are never looked for.',
    promises: ['L1'],
    mode: {
      kinds: ['claim-unanswered', 'kill-coordinator', 'pause-coordinator'],
      options: { orphanEveryMs: NEVER_MS },
    },
    edits: [
      {
        file: `${FOLDER}/recovery.ts`,
        find: 'return await this.ports.log.claimDue(this.options.instanceId, limit);\n    } catch (error) {\n      this.suspectOrphans();',
        replace:
          'return await this.ports.log.claimDue(this.options.instanceId, limit);\n    } catch (error) {',
      },
    ],
  },
  {
    name: 'lost-claim-of-an-act-forgotten',
    what: 'A row that was claimed for an act, though the answer was lost, is not looked for.',
    promises: ['L1'],
    mode: { kinds: ['claim-unanswered', 'operator'], options: { orphanEveryMs: NEVER_MS } },
    edits: [
      {
        file: `${FOLDER}/driver.table.ts`,
        find: '      // The row may be ours all the same, and nobody drives it.\n      this.parts.suspectOrphans();',
        replace: '',
      },
    ],
  },
  {
    name: 'lost-acceptance-forgotten',
    what: 'A transaction that was accepted, though the answer was lost, is not looked for.',
    promises: ['L1'],
    mode: { kinds: ['log-unanswered'], options: { orphanEveryMs: NEVER_MS } },
    edits: [
      {
        file: `${FOLDER}/acceptance.ts`,
        find: '      // The row may be there all the same. Recovery finds rows that are ours and that nobody drives.\n      suspectOrphans();',
        replace: '',
      },
    ],
  },
  {
    name: 'own-clock-believed',
    what: 'An instance never sets its clock by that of the log.',
    promises: ['L1'],
    edits: [
      { file: `${FOLDER}/recovery.ts`, find: '    this.ports.clock.synchronize(logNow);\n', replace: '' },
    ],
  },
  {
    name: 'plan-unchecked',
    what: 'A plan is accepted whatever is in it.',
    promises: ['S12'],
    edits: [
      {
        file: `${FOLDER}/submission.ts`,
        find: 'if (unknown.length > 0) {',
        replace: 'if (unknown.length < 0) {',
      },
      {
        file: `${FOLDER}/submission.ts`,
        find: 'if (problems.length > 0) {',
        replace: 'if (problems.length < 0) {',
      },
    ],
  },
  {
    name: 'led-early-question-answered',
    what: 'Participants ask before the deadline, and the coordinator takes their word for it, whatever deadline was told.',
    promises: ['TC4'],
    edits: [
      {
        file: `${FOLDER}/led.doubts.ts`,
        find: 'if (deadlineAt !== undefined && deadlineAt > this.ports.clock.now()) {',
        replace: 'if (deadlineAt !== undefined && deadlineAt > Infinity) {',
      },
      {
        file: 'libs/participant/src/testing/memory.statements.ts',
        find: 'Number(key[0]) <= Number(until ?? now) && compareKeys',
        replace: 'compareKeys',
      },
    ],
  },
  {
    name: 'another-body-under-one-key',
    what: 'An idempotency key answers for whatever body it comes with.',
    promises: ['S11'],
    edits: [
      {
        file: `${FOLDER}/acceptance.ts`,
        find: '  if (taken.bodyHash !== bodyHash) {',
        replace: '  if (taken.bodyHash === undefined) {',
      },
    ],
  },
  {
    name: 'late-write-not-looked-for',
    what: 'A write that gave no answer is looked for once, and the database carries it out after that.',
    promises: ['L1'],
    mode: { kinds: ['log-late'], options: { orphanEveryMs: NEVER_MS, weakSpot: 'log-late' } },
    edits: [
      {
        file: `${FOLDER}/recovery.ts`,
        find: 'const FURTHER_LOOK_COUNT = 2;',
        replace: 'const FURTHER_LOOK_COUNT = 0;',
      },
    ],
  },
];
