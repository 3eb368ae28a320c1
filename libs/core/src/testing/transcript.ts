import { ActRefusedError, IllegalTransitionError } from '../errors.js';
import type { Json } from '../json.js';
import type { Decision, LedBranch } from '../led.branch.js';
import { activeLed, decidedLed } from '../led.plan.js';
import type { BranchReply, CallCommand, ReplyEvent, SagaEvent, Transition } from '../saga.event.js';
import { advanceSaga } from '../saga.machine.js';
import {
  isEnded,
  newSaga,
  nextDueAt,
  type Branch,
  type BranchErrorClass,
  type BranchOp,
  type Saga,
} from '../saga.state.js';
import { decision, LED, ledBranch } from './leds.js';
import { fixedRandom, planOf, step } from './plans.js';
import { checkLaws } from './saga.laws.js';

const ACCEPTED_AT = 1_700_000_000_000;

/**
 * Plays a transcript and returns it with the output that the machine gives.
 *
 * A transcript is a row of blocks: comment lines that begin with `#`, one command, `----`, and what came of it. The
 * notation of plans and commands is explained in testdata/README.md.
 */
export function playTranscript(text: string): string {
  const player = new Player();
  const blocks = text.trim().split(/\n{2,}/u);
  return `${blocks.map((block) => playBlock(player, block)).join('\n\n')}\n`;
}

function playBlock(player: Player, block: string): string {
  const input = block.split('\n----')[0] ?? '';
  const lines = input.split('\n').filter((line) => !line.startsWith('#'));
  const [command, ...rest] = lines;
  return command === undefined ? input : `${input}\n----\n${player.play(command, rest)}`;
}

class Player {
  private now = ACCEPTED_AT;
  private saga: Saga | undefined;
  /** What is on disk: what a coordinator that takes over finds. */
  private row: Saga | undefined;
  private readonly sent = new Map<string, CallCommand>();

  play(command: string, rest: readonly string[]): string {
    const [verb = '', ...words] = command.split(' ');
    if (verb === 'plan') {
      return this.plan(words, rest);
    }
    if (verb === 'led') {
      return this.led(words, rest);
    }
    const { saga } = this;
    if (saga === undefined) {
      throw new Error('A transcript begins with a plan.');
    }
    switch (verb) {
      case 'save':
        this.row = saga;
        return 'saved';
      case 'claim':
        this.saga = this.row;
        return this.take({ type: 'claim', by: words[1] ?? '' });
      case 'wait':
        this.now += duration(words[0] ?? '');
        return `it is ${this.clock(this.now)}`;
      case 'tick':
        this.now = words[0] === undefined ? (nextDueAt(saga) ?? this.now) : this.now + duration(words[0]);
        return this.take({ type: 'tick' });
      case 'decide':
        return this.take({ type: 'decide', decision: decisionOf(words[0] ?? '', rest) });
      case 'register':
        return this.take({ type: 'enlist', branches: rest.map(ledBranchOf) });
      default:
        return this.take(verb === 'reply' ? this.reply(words) : eventOf(command));
    }
  }

  private plan(options: readonly string[], lines: readonly string[]): string {
    const steps = lines.map((line, position) => stepOfLine(line, lines[position - 1]));
    const deadline = valueAfter(options, 'deadline');
    return this.begin(
      newSaga({
        gid: 'g1',
        plan: { ...planOf(...steps), input: { order: 7 } },
        acceptedAt: ACCEPTED_AT,
        deadlineAt: deadline === undefined ? undefined : ACCEPTED_AT + duration(deadline),
      }),
      options,
    );
  }

  /** `led commit`, `led abort`: decided, and the log knew nothing before; `led active`: registered. */
  private led([what = '', ...options]: readonly string[], lines: readonly string[]): string {
    const start = { gid: 'g1', name: 'test', led: LED, acceptedAt: ACCEPTED_AT };
    const deadlineAt = ACCEPTED_AT + duration(valueAfter(options, 'deadline') ?? '30s');
    const saga =
      what === 'active'
        ? activeLed({ ...start, deadlineAt }, lines.map(ledBranchOf))
        : decidedLed(start, decisionOf(what, lines));
    return this.begin(saga, options);
  }

  private begin(saga: Saga, options: readonly string[]): string {
    const retry = {
      ...planOf().retry,
      attemptCountMax: Number(valueAfter(options, 'attempts') ?? 3),
      undoAttemptCountMax: Number(valueAfter(options, 'undo-attempts') ?? 3),
    };
    this.now = ACCEPTED_AT;
    this.sent.clear();
    this.saga = { ...saga, plan: { ...saga.plan, retry } };
    this.row = this.saga;
    return this.take({ type: 'start' });
  }

  private take(event: SagaEvent): string {
    const before = this.saga;
    if (before === undefined) {
      throw new Error('There is no saga to take the event.');
    }
    try {
      const after = advanceSaga(before, event, { now: this.now, random: fixedRandom(1) });
      checkLaws({ before, event, now: this.now, after });
      this.saga = after.saga;
      if (after.durability !== 'lazy') {
        this.row = after.saga;
      }
      for (const command of after.commands) {
        this.sent.set(command.branchId, command);
      }
      const isIgnored = after.saga === before && event.type !== 'start';
      return isIgnored ? 'ignored' : this.show(after);
    } catch (error) {
      if (error instanceof ActRefusedError || error instanceof IllegalTransitionError) {
        return `${error.code}: ${error.message}`;
      }
      throw error;
    }
  }

  /** `reply stock [action|compensate|...] [round 2] [#3] done {"price": 5}`; what is left out is as last sent. */
  private reply([branchId = '', ...words]: readonly string[]): ReplyEvent {
    const last = this.sent.get(branchId) ?? { op: undefined, round: 1, attempt: 1 };
    const open = [...words];
    const op = isOp(open[0]) ? open.shift() : last.op;
    const round = open[0] === 'round' ? Number(open.splice(0, 2)[1]) : last.round;
    const attempt = (open[0] ?? '').startsWith('#') ? Number(open.splice(0, 1)[0]?.slice(1)) : last.attempt;
    const [outcome = '', ...text] = open;
    if (!isOp(op)) {
      throw new Error(`Nothing was sent to ${branchId} that '${outcome}' could answer.`);
    }
    return { type: 'reply', branchId, op, round, attempt, reply: replyOf(outcome, text) };
  }

  private show({ saga, durability, commands }: Transition): string {
    const dueAt = isEnded(saga) ? undefined : nextDueAt(saga);
    const head = [
      saga.state,
      saga.paused === undefined ? '' : `paused by ${saga.paused.by}`,
      saga.abort === undefined ? '' : `because of ${saga.abort.code}: ${saga.abort.message}`,
    ];
    const tail = [
      durability === 'lazy'
        ? ''
        : { first: 'durable before anything is sent', end: 'durable before it is told' }[durability],
      dueAt === undefined ? '' : `due at ${this.clock(dueAt)}`,
    ];
    return [
      [...head, ...tail].filter((part) => part !== '').join('; '),
      ...saga.branches.map((branch) => `  ${this.showBranch(branch)}`),
      ...commands.map((command) => `  -> ${showCommand(command)}`),
    ].join('\n');
  }

  private showBranch(branch: Branch): string {
    const { branchId, state, round, undoRound, stuck, closing, skip } = branch;
    const parts = [
      `${branchId} ${state}`,
      round > 1 ? `round ${round}` : '',
      undoRound > 1 ? `${isOfConfirm(branch) ? 'confirm' : 'undo'} round ${undoRound}` : '',
      closing && `to be skipped by ${closing.by}`,
      this.showDue(branch),
      stuck && `STUCK ${stuck.reason}: ${stuck.message}`,
      state === 'skipped' && skip
        ? `its ${skip.op === 'compensate' ? 'undo' : skip.op}, by ${skip.by}: ${skip.reason}`
        : '',
    ];
    return parts.filter((part) => part !== '' && part !== undefined).join(', ');
  }

  private showDue({ isInFlight, dueAt }: Branch): string {
    if (dueAt === undefined) {
      return '';
    }
    return `${isInFlight ? 'waits for a reply until' : 'again at'} ${this.clock(dueAt)}`;
  }

  private clock(at: number): string {
    return `${(at - ACCEPTED_AT) / 1000}s`;
  }
}

function stepOfLine(line: string, previous: string | undefined): ReturnType<typeof step> {
  const [template, json] = line.trim().split(' input ');
  const [branchId = '', ...words] = (template ?? '').split(' ');
  const before = previous?.trim().split(' ')[0];
  const after = words.includes('alone') ? [] : (valueAfter(words, 'after')?.split(',') ?? [before]);
  return step(branchId, {
    after: after.filter((name) => name !== undefined),
    pivot: words.includes('pivot'),
    onRefusal: words.includes('retry') ? 'retry' : 'abort',
    hasBarrier: !words.includes('plain'),
    canUndo: !words.includes('no-undo'),
    input: json === undefined ? null : (JSON.parse(json) as Json),
  });
}

/** `abort by ann because the customer left`, `skip stock by ann because ...`. */
function eventOf(command: string): SagaEvent {
  const [head = '', reason = ''] = command.split(' because ');
  const [verb = '', ...words] = head.split(' ');
  const by = valueAfter(words, 'by') ?? '';
  const branchId = words[0] === 'by' ? undefined : words[0];
  switch (verb) {
    case 'start':
      return { type: 'start' };
    case 'retry':
      return { type: 'retry', by, reason, branchId };
    case 'skip':
      return { type: 'skip', by, reason, branchId: branchId ?? '' };
    case 'abort':
    case 'pause':
    case 'resume':
      return { type: verb, by, reason };
    default:
      throw new Error(`There is no command '${command}'.`);
  }
}

function replyOf(outcome: string, words: readonly string[]): BranchReply {
  const text = words.join(' ');
  switch (outcome) {
    case 'done':
      return { outcome, output: text === '' ? null : (JSON.parse(text) as Json) };
    case 'refused':
      return { outcome, refusal: { reason: text, isStored: true } };
    case 'refused-not-stored':
      return { outcome: 'refused', refusal: { reason: text, isStored: false } };
    case 'undone':
      return { outcome, wasEmpty: false };
    case 'undone-empty':
      return { outcome: 'undone', wasEmpty: true };
    case 'already-undone':
    case 'closed':
    case 'confirmed':
      return { outcome };
    case 'lost':
      return { outcome, message: text };
    case 'not-yet':
      return { outcome, retryAfterMs: duration(text) };
    case 'unknown':
      return {
        outcome,
        error: { class: words[0] as BranchErrorClass, message: words.slice(1).join(' ') },
      };
    default:
      throw new Error(`There is no reply '${outcome}'.`);
  }
}

function showCommand({ branchId, op, round, attempt, input, output }: CallCommand): string {
  const parts = [
    `${op} ${branchId}`,
    round > 1 ? `round ${round}` : '',
    attempt > 1 ? `#${attempt}` : '',
    input === undefined || input === null ? '' : `input ${JSON.stringify(input)}`,
    output === undefined ? '' : `output ${JSON.stringify(output)}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

const OPS: ReadonlySet<string> = new Set([
  'action',
  'confirm',
  'compensate',
  'close-action',
  'close-confirm',
  'close-compensate',
]);

function isOfConfirm({ state, skip }: Branch): boolean {
  return state === 'confirming' || state === 'confirmed' || skip?.op === 'confirm';
}

/** `2~k7.1 thrown`, `3 plain saga input {"seat":4}`, or `2~k7. count 2` of what was registered. */
function decisionOf(to: string, lines: readonly string[]): Decision {
  if (to !== 'commit' && to !== 'abort') {
    throw new Error(`Nobody decides to '${to}'.`);
  }
  const counts = lines.flatMap((line) => {
    const [prefix = '', ...words] = line.trim().split(' ');
    const count = valueAfter(words, 'count');
    return count === undefined ? [] : [{ prefix, count: Number(count) }];
  });
  const told = lines.filter((line) => !line.includes(' count '));
  return decision(to, told.filter((line) => !isThrown(line)).map(ledBranchOf), {
    registered: counts,
    thrown: told.filter(isThrown).map(ledBranchOf),
  });
}

function isThrown(line: string): boolean {
  return line.split(' ').includes('thrown');
}

function ledBranchOf(line: string): LedBranch {
  const [template = '', json] = line.trim().split(' input ');
  const [branchId = '', ...words] = template.split(' ');
  return ledBranch(branchId, {
    kind: words.includes('saga') ? 'saga' : 'tcc',
    ...(words.includes('plain') ? { nonce: undefined } : {}),
    ...(json === undefined ? {} : { input: JSON.parse(json) as Json }),
  });
}

function isOp(word: string | undefined): word is BranchOp {
  return word !== undefined && OPS.has(word);
}

function valueAfter(words: readonly string[], name: string): string | undefined {
  const position = words.indexOf(name);
  return position === -1 ? undefined : words[position + 1];
}

function duration(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/u.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit];
  if (factor === undefined) {
    throw new Error(`'${text}' is no duration.`);
  }
  return Number(number) * factor;
}
