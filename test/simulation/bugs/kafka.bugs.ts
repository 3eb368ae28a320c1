import type { PlantedBug } from './planted.bug.js';

const TRANSPORT = 'libs/transport-kafka/src';
const PARTICIPANT = 'libs/participant/src/kafka';

/** Mistakes in what talks over Kafka. */
export const KAFKA_BUGS: readonly PlantedBug[] = [
  {
    name: 'offset-before-the-log',
    what: 'A coordinator commits the offset of replies before what they caused is in the log.',
    promises: ['K3'],
    edits: [
      {
        file: `${TRANSPORT}/reply.intake.ts`,
        find: 'Promise.all([...settling, this.forward(strays), this.bury(dead)])',
        replace: 'Promise.all([this.forward(strays), this.bury(dead)])',
      },
    ],
  },
  {
    name: 'settled-before-the-write',
    what: 'A driver calls settled what it is still writing.',
    promises: ['K3'],
    edits: [
      {
        file: 'libs/engine/src/saga.driver.ts',
        find: "        this.letters.push({ event: { type: 'mark' }, resolve: () => resolve() });",
        replace: '        resolve();',
      },
    ],
  },
  {
    name: 'replies-swallowed-at-the-stop',
    what: 'A coordinator that has stopped commits the offsets of replies that it told nobody of.',
    promises: ['K3', 'L1'],
    mode: { kinds: ['stop-coordinator', 'records-late'], options: { kafka: 'alone' } },
    edits: [
      {
        file: `${TRANSPORT}/kafka.transport.ts`,
        find: "    if (this.state === 'closed') {\n      throw new Error(",
        replace: "    if (this.state === 'closed') {\n      return;\n      throw new Error(",
      },
    ],
  },
  {
    name: 'takeover-by-reply',
    what: 'Who is given a reply to what it does not drive takes the transaction over.',
    promises: ['K2'],
    mode: { options: { kafka: 'alone' } },
    edits: [
      {
        file: 'libs/engine/src/driver.table.ts',
        find: '    if (driver === undefined) {\n      return ELSEWHERE;',
        replace:
          '    if (driver === undefined) {\n      void this.claim(envelope.gid)\n        .then((row) => row && this.adopt(row))\n        .catch(() => undefined);\n      return ELSEWHERE;',
      },
    ],
  },
  {
    name: 'strays-in-circles',
    what: 'A reply that was sent on once is sent on again, from one instance to the other.',
    promises: ['K2'],
    mode: {
      kinds: ['rebalance', 'rebalance-late', 'pause-coordinator'],
      options: { kafka: 'alone', coordinatorCount: 3, isResending: true, weakSpot: 'rebalance-late' },
    },
    edits: [
      {
        file: `${TRANSPORT}/reply.intake.ts`,
        find: 'if (!isForwarded && this.options',
        replace: 'if ((isForwarded || !isForwarded) && this.options',
      },
    ],
  },
  {
    name: 'names-what-it-does-not-hold',
    what: 'A coordinator that holds no partition of the replies has them sent to the first.',
    promises: ['K1'],
    edits: [
      {
        file: `${TRANSPORT}/kafka.transport.ts`,
        find: 'const partition = replyPartitionOf(gid, held);',
        replace: 'const partition = replyPartitionOf(gid, held) ?? 0;',
      },
    ],
  },
  {
    name: 'names-what-it-held-once',
    what: 'A coordinator goes on to name the partitions that it was given first.',
    promises: ['K1'],
    edits: [
      {
        file: `${TRANSPORT}/kafka.transport.ts`,
        find: 'this.held = partitions.get(this.repliesTopic) ?? [];',
        replace: 'this.held = this.held.length > 0 ? this.held : (partitions.get(this.repliesTopic) ?? []);',
      },
    ],
  },
  {
    name: 'late-command-leaves',
    what: 'A command that has waited for too long leaves all the same.',
    promises: ['K1'],
    mode: { options: { kafka: 'alone' } },
    edits: [
      {
        file: `${TRANSPORT}/command.outbox.ts`,
        find: 'leaveBy: nowMs + answerWithinMs * WAITING_SHARE,',
        replace: 'leaveBy: Infinity,',
      },
    ],
  },
  {
    name: 'offset-before-the-answer',
    what: 'A participant commits the offset of a batch before what it asks for is done and answered.',
    promises: ['K4'],
    edits: [
      {
        file: `${PARTICIPANT}/command.intake.ts`,
        find: '    await batch.answers.settled();\n',
        replace: '',
      },
    ],
  },
  {
    name: 'redelivered-and-skipped',
    what: 'A command that comes again is taken for done, and not answered again.',
    promises: ['K4'],
    edits: [
      {
        file: `${PARTICIPANT}/command.intake.ts`,
        find: '    const { command } = asked;\n    const first',
        replace:
          '    const { command } = asked;\n    const own = JSON.stringify(command);\n    const known = ((this as unknown as { seen?: Set<string> }).seen ??= new Set());\n' +
          '    if (known.has(own)) {\n      batch.answers.release();\n      return;\n    }\n    known.add(own);\n    const first',
      },
    ],
  },
  {
    name: 'slow-command-never-answered',
    what: 'A command that took longer than the others of its batch could wait is not answered any more.',
    promises: ['K4', 'L1'],
    mode: { kinds: ['slow-code'], options: { kafka: 'alone', slowAfterMs: 100 } },
    edits: [
      {
        file: `${PARTICIPANT}/command.intake.ts`,
        find: '      .then(async (replyOf) =>\n        this.options.client.send([this.options.replies.recordOf(command, replyOf(), replyTo)]),\n      )\n',
        replace: '',
      },
    ],
  },
  {
    name: 'one-gid-in-parallel',
    what: 'Commands of one transaction are carried out at the same time.',
    promises: ['K4'],
    edits: [
      {
        file: `${PARTICIPANT}/gid.turns.ts`,
        find: '    const line = this.lines.get(gid);\n    if (line === undefined) {',
        replace:
          '    const line = this.lines.get(gid);\n    if (line !== undefined) {\n      void turn.take();\n    } else if (line === undefined) {',
      },
    ],
  },
  {
    name: 'poison-stops-the-commands',
    what: 'A participant has what it cannot read come again, for ever.',
    promises: ['L1', 'L3'],
    mode: { kinds: ['poison'], options: { kafka: 'alone', partitionCount: 1 } },
    edits: [
      {
        file: `${PARTICIPANT}/command.intake.ts`,
        find: 'void this.bury(record, read.reason).then(() => answers.release());',
        replace: 'answers.fail(Object.assign(new Error(read.reason), { retryable: true }));',
      },
      {
        file: `${PARTICIPANT}/command.intake.ts`,
        find: 'const REPLY_ATTEMPT_MAX = 5;',
        replace: 'const REPLY_ATTEMPT_MAX = Infinity;',
      },
    ],
  },
  {
    name: 'poison-stops-the-replies',
    what: 'A coordinator has a batch with what it cannot read come again, for ever.',
    promises: ['L1', 'L2', 'L3'],
    mode: { kinds: ['poison'], options: { kafka: 'alone', partitionCount: 1 } },
    edits: [
      {
        file: `${TRANSPORT}/reply.intake.ts`,
        find: '        dead.push(this.deadLetter(record, read));\n        continue;',
        replace: '        throw new Error(read.reason);',
      },
    ],
  },
  {
    name: 'poison-passed-over',
    what: 'A participant keeps nothing of what it cannot read.',
    promises: ['K5'],
    mode: { kinds: ['poison'], options: { kafka: 'alone' } },
    edits: [
      {
        file: `${PARTICIPANT}/command.intake.ts`,
        find: 'void this.bury(record, read.reason).then(() => answers.release());',
        replace: 'answers.release();',
      },
    ],
  },
];
