import type { SimulationMode } from '../plan/options.js';
import type { PlantedBug } from './planted.bug.js';

const CORE = 'libs/core/src';
const ENGINE = 'libs/engine/src';
const PARTICIPANT = 'libs/participant/src';
const RUNTIME = 'libs/participant/src/led';

/** For what needs much to come together in one of them. */
const LED_ALONE = { options: { transactionCount: 0, ledCount: 3 } } satisfies SimulationMode;

/** For what only others than the initiator would do. */
const WITH_STRANGERS: SimulationMode = { kinds: ['stranger-commit'], options: LED_ALONE.options };

/** Mistakes about transactions that code leads. */
export const LED_BUGS: readonly PlantedBug[] = [
  {
    name: 'led-late-answer-joins',
    what: 'A call that threw because it took too long is on the list, once its answer has come.',
    promises: ['TC1', 'TC2', 'S1'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${RUNTIME}/branch.call.ts`,
        find:
          '    const reply = await within(limitOf(frame, name, call.timeoutMs), () =>\n' +
          '      askUntilKnown(frame, { ...call, input }, open),\n    );\n' +
          '    return await land({ call: { ...call, input }, open, name }, reply);',
        replace:
          '    return await within(limitOf(frame, name, call.timeoutMs), async () =>\n' +
          '      land({ call: { ...call, input }, open, name }, await askUntilKnown(frame, { ...call, input }, open)));',
      },
      {
        file: `${RUNTIME}/scope.ts`,
        find: '        if (inFlight.delete(flight)) {\n          this.#returned',
        replace: '        inFlight.delete(flight);\n        {\n          this.#returned',
      },
      {
        file: `${RUNTIME}/scope.ts`,
        find: '      this.#doubt(flight);\n      this.#thrown.push(...known);',
        replace: '      this.#doubt(flight);',
      },
    ],
  },
  {
    name: 'led-nested-part-kept',
    what: 'What a nested part has called is kept, although the part threw.',
    promises: ['TC2'],
    edits: [
      {
        file: `${RUNTIME}/inner.part.ts`,
        find: "isKept ? 'returned' : 'threw'",
        replace: "'returned'",
      },
    ],
  },
  {
    name: 'led-parallel-answer-lost',
    what: 'Of calls that are made at once only the one that answers last gets on the list.',
    promises: ['TC1', 'S1'],
    edits: [
      {
        file: `${RUNTIME}/scope.ts`,
        find: '        if (inFlight.delete(flight)) {\n          this.#returned',
        replace: '        if (inFlight.delete(flight) && inFlight.size === 0) {\n          this.#returned',
      },
    ],
  },
  {
    name: 'led-runs-share-ids',
    what: 'Two runs of one branch give their calls the same ids.',
    promises: ['S3', 'TC1', 'TC2', 'S1'],
    edits: [
      {
        file: `${RUNTIME}/run.ts`,
        find: '(byte) => RUN_CHARS[byte % RUN_CHARS.length]',
        replace: '() => RUN_CHARS[0]',
      },
    ],
  },
  {
    name: 'led-unknown-told-as-aborted',
    what: 'When no answer to the commit comes, the method throws that it is aborted.',
    promises: ['S8'],
    edits: [
      {
        file: `${RUNTIME}/global.transactions.ts`,
        find: "return { outcome: 'unknown', error: new OutcomeUnknownError(gid, { cause: decided.cause }) };",
        replace:
          "return { outcome: 'aborted', error: new OutcomeUnknownError(gid, { cause: decided.cause }) };",
      },
    ],
  },
  {
    name: 'led-commit-not-awaited',
    what: 'The method returns when its commit has been sent, and not when it is durable.',
    promises: ['S8', 'TC5'],
    edits: [
      {
        file: `${RUNTIME}/global.transactions.ts`,
        find: 'decided: await decide(coordinator, deciding) });',
        replace: "decided: (void decide(coordinator, deciding), { outcome: 'committed' as const }) });",
      },
    ],
  },
  {
    name: 'led-lost-commit-told-as-committed',
    what: 'A commit that comes behind an abort is told that the transaction is decided, and takes that for its own decision.',
    promises: ['TC5'],
    edits: [
      {
        file: `${RUNTIME}/decision.ts`,
        find: '? { outcome: error.outcome }',
        replace: "? { outcome: 'committed' }",
      },
    ],
  },
  {
    name: 'led-undone-before-the-decision',
    what: 'Who gets no answer to a call has it undone at once, though the call may be made again.',
    promises: ['S1', 'S5'],
    edits: [
      {
        file: `${RUNTIME}/branch.call.ts`,
        find: '  } catch (error) {\n    open.threw();\n    throw error;\n  }\n}\n\n/** A call whose',
        replace:
          '  } catch (error) {\n    open.threw();\n' +
          "    void call.route({ ...commandOf(frame, { ...call, input: undefined }, { open, attempt: 1 }), op: 'compensate' }).then((send) => send()).catch(() => undefined);\n" +
          '    throw error;\n  }\n}\n\n/** A call whose',
      },
    ],
  },
  {
    name: 'led-presumed-abort-not-written',
    what: 'A question about what nobody has decided is answered with undo, and nothing is written.',
    promises: ['S1', 'TC1', 'TC4'],
    edits: [
      {
        file: `${ENGINE}/led.doubts.ts`,
        find: 'return await writer.insertIfAbsent(ledRow(options.instanceId, start));',
        replace:
          "return ledRow(options.instanceId, start) && (writer as unknown) && { outcome: 'inserted', acceptedAt: 0 } as InsertOutcome;",
      },
    ],
  },
  {
    name: 'led-commit-overwrites',
    what: 'A commit takes the place of an abort that was presumed.',
    promises: ['S1', 'S2', 'S9'],
    edits: [
      {
        file: `${ENGINE}/testing/memory-log.ts`,
        find: "      if (this.held.has(row.gid)) {\n        return { outcome: 'exists' };",
        replace:
          "      if (this.held.has(row.gid) && row.progress.state !== 'committing') {\n        return { outcome: 'exists' };",
      },
    ],
  },
  {
    name: 'led-undecided-told-to-undo',
    what: 'A question about what is registered and undecided is answered with undo, before its deadline too.',
    promises: ['S1'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${ENGINE}/led.doubts.ts`,
        find: "      case 'undecided':\n        return this.waitForDeadline(finding.deadlineAt);",
        replace: "      case 'undecided':\n        return { verdict: 'undo' };",
      },
    ],
  },
  {
    name: 'led-straggler-confirmed',
    what: 'A branch of a committed transaction is told to confirm, whether the list holds it or not.',
    promises: ['TC2'],
    edits: [
      {
        file: `${ENGINE}/led.doubts.ts`,
        find: 'return isToConfirm(finding, doubt.branchId, doubt.nonce)',
        replace: 'return isToConfirm(finding, doubt.branchId, doubt.nonce) || true',
      },
    ],
  },
  {
    name: 'led-secret-not-asked-for',
    what: 'Whoever knows a gid can decide its transaction.',
    promises: ['S1', 'S8'],
    mode: WITH_STRANGERS,
    edits: [
      {
        file: `${CORE}/led.act.ts`,
        find: '  if (saga.plan.led?.secretHash !== secretHash && !isAbortOfDoubt(saga)) {',
        replace: "  if (saga.plan.led?.secretHash === '' && secretHash === '') {",
      },
    ],
  },
  {
    name: 'led-other-list-confirmed',
    what: 'A commit that comes again with another list is confirmed.',
    promises: ['S1'],
    edits: [
      {
        file: `${CORE}/led.list.ts`,
        find: "  if (decision.to === 'abort' || !isCommitted) {",
        replace: "  if (decision.to === 'abort' || !isCommitted || isCommitted) {",
      },
    ],
  },
  {
    name: 'led-thrown-branch-left',
    what: 'What threw is on no list and undone by nobody, and its row says that all has ended.',
    promises: ['TC1', 'S1', 'L1'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${CORE}/saga.settle.ts`,
        find: '    : needsUndo(saga, branch);\n}',
        replace: '    : needsUndo(saga, branch) && false;\n}',
      },
    ],
  },
  {
    name: 'led-ended-before-it-is-confirmed',
    what: 'A transaction counts as committed, and may be dropped, when its first branch is confirmed.',
    promises: ['TC1'],
    edits: [
      {
        file: `${CORE}/saga.settle.ts`,
        find: '  if (!draft.saga.branches.some((branch) => isUnfinished(draft.saga, branch))) {',
        replace:
          "  if (draft.saga.branches.some((branch) => branch.state === 'confirmed') || !draft.saga.branches.some((branch) => isUnfinished(draft.saga, branch))) {",
      },
    ],
  },
  {
    name: 'led-sweeper-decides-alone',
    what: 'Who is told to wait takes that for an abort.',
    promises: ['S1'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${PARTICIPANT}/doubt.verdict.ts`,
        find: "    case 'undo':\n",
        replace: "    case 'wait':\n    case 'undo':\n",
      },
    ],
  },
  {
    name: 'led-look-up-decides',
    what: 'Who asks only whether a transaction has ended has it aborted where the log does not know it.',
    promises: ['TC4', 'S8'],
    edits: [
      {
        file: `${ENGINE}/engine.ts`,
        find: '    return own.length === 0 ? [] : this.ports.log.endings(own);',
        replace:
          '    const found = own.length === 0 ? [] : await this.ports.log.endings(own);\n' +
          '    const { epoch } = this.logLife();\n' +
          '    const missing = own.filter((gid) => found.every((one) => one.gid !== gid));\n' +
          "    const more = { branchId: '1', service: 'nobody', action: 'none', kind: 'saga' as const, nonce: 'nonce-of-none', secretHash: 'ee'.repeat(32), epoch, initiator: 'nobody', overdueMs: 0 };\n" +
          '    await this.doubts(missing.map((gid) => ({ gid, ...more })));\n' +
          '    return found;',
      },
    ],
  },
  {
    name: 'led-asks-before-the-deadline',
    what: 'A participant asks about each branch that is not ended, whether its deadline has passed or not.',
    promises: ['TC4'],
    edits: [
      {
        file: `${PARTICIPANT}/testing/memory.statements.ts`,
        find: 'Number(key[0]) <= Number(until ?? now) && compareKeys',
        replace: 'compareKeys',
      },
    ],
  },
  {
    name: 'led-row-in-doubt-removed',
    what: 'The row of a straggler is removed when its transaction has ended, and nobody undoes it any more.',
    promises: ['S7', 'TC1', 'TC4'],
    edits: [
      {
        file: `${PARTICIPANT}/testing/memory.database.ts`,
        find: "            row.columns['doubt_at'] === null &&\n",
        replace: '',
      },
    ],
  },
  {
    name: 'led-late-try-not-barred',
    what: 'An undo that finds no row of a led branch leaves none, and a late try takes effect.',
    promises: ['S5'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${PARTICIPANT}/barrier.ts`,
        find: '  const { sql } = open;\n  const held = await lockOrInsert(sql, call, () => rows.insertEmptyUndo(sql, call));\n  if (held === true) {',
        replace:
          '  const { sql } = open;\n  const held = (await rows.lockRow(sql, call)) ?? true;\n  if (held === true) {',
      },
    ],
  },
  {
    name: 'led-confirm-of-nothing',
    what: 'A confirm that finds no row is answered as if the branch were confirmed.',
    promises: ['TC2'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${PARTICIPANT}/barrier.confirm.ts`,
        find: '    return lost(call, NO_ROW);\n  }\n  const { row, transactionId } = held;',
        replace: "    return { outcome: 'confirmed' };\n  }\n  const { row, transactionId } = held;",
      },
    ],
  },
  {
    name: 'led-barrier-asks-no-secret',
    what: 'A participant confirms a branch for whoever has decided, not only for who called it.',
    promises: ['S1'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${PARTICIPANT}/barrier.rules.ts`,
        find: "  if (led.secretHash !== call.secretHash) {\n    return 'it was",
        replace: "  if (led.secretHash === '') {\n    return 'it was",
      },
    ],
  },
  {
    name: 'led-nonce-of-each-attempt',
    what: 'An answer that is given again tells another nonce than the row holds.',
    promises: ['L1', 'TC1', 'S1'],
    mode: LED_ALONE,
    edits: [
      {
        file: `${PARTICIPANT}/participant.ts`,
        find: '      return this.#runtime.run(command, work, onCall);\n    });',
        replace:
          '      return this.#runtime.run(command, work, onCall);\n    })' +
          ".then((reply) => reply.outcome === 'done' && reply.enlistment ? { ...reply, enlistment: { ...reply.enlistment, nonce } } : reply);",
      },
    ],
  },
  {
    name: 'led-straggler-refused-for-ever',
    what: 'The undo of a branch that no list holds is refused once, and never asked for again.',
    promises: ['L1'],
    edits: [
      {
        file: `${PARTICIPANT}/doubt.verdict.ts`,
        find: '...(isStraggler ? { round: refusedRound + 1 } : {}),',
        replace: '...(isStraggler ? { round: Math.min(1, refusedRound + 1) } : {}),',
      },
    ],
  },
];
