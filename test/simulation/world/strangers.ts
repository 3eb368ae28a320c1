import { createHash } from 'node:crypto';
import type { Engine } from '@atone/engine';
import type { BranchCommand, DecisionRequest, Doubt } from '@atone/protocol';
import { FORGED_HASH } from '../check/led.check.js';
import { Violation } from '../check/violation.js';
import type { RestRequest } from './rest.js';
import { whenSettled } from './when-settled.js';
import type { World } from './world.js';

const OTHER_SECRET = 'ab'.repeat(32);

/** The longest that a stranger, or a confused initiator, waits for the moment that was chosen. */
const LATER_MS = 300;

/** Somebody may come before the initiator has decided. If he gets through, the transaction is his, and nothing of it is kept. */
export function strangersBefore(world: World, rest: RestRequest): void {
  const decision = decisionIn(rest);
  if (decision !== undefined) {
    const { gid, request } = decision;
    // It may have come to no call that would have told.
    world.safety.led.story.secret(gid, createHash('sha256').update(request.secret).digest('hex'));
    comeAsStrangers(world, decision, 'before');
  }
}

/** Once it is decided, nobody may get through who asks for anything else. */
export function strangersAfter(world: World, rest: RestRequest, status: number): void {
  const decision = decisionIn(rest);
  if (decision === undefined || status !== 200) {
    return;
  }
  comeAsStrangers(world, decision, 'after');
  const { gid, request } = decision;
  const point = `${world.nameOfGid(gid)} confused`;
  const [first] = request.branches;
  if (first === undefined || request.to !== 'commit') {
    return;
  }
  if (world.fates.strike('confused-commit', point) !== undefined) {
    const other = { ...request, branches: request.branches.slice(1) };
    ask(world, point, async (engine) => {
      await expectRefusal(world, { gid, what: 'a commit with another list was confirmed' }, () =>
        engine.decide(gid, other),
      );
    });
  }
}

/** Somebody may ask about a transaction as soon as its calls travel. */
export function strangersAtCall(world: World, command: BranchCommand): void {
  forgeDoubt(world, command, `${world.nameOfGid(command.gid)} call`);
}

interface Decided {
  readonly gid: string;
  readonly request: DecisionRequest;
}

function decisionIn({ path, body }: RestRequest): Decided | undefined {
  const [, , , gid = '', part] = path.split('/');
  return part === 'decision' ? { gid, request: body as DecisionRequest } : undefined;
}

function comeAsStrangers(world: World, { gid, request }: Decided, when: string): void {
  const point = `${world.nameOfGid(gid)} ${when}`;
  if (world.fates.strike('stranger-commit', point) !== undefined) {
    ask(world, `${point} stranger`, async (engine) => {
      await expectRefusal(world, { gid, what: 'a commit without the secret was taken' }, () =>
        engine.decide(gid, {
          ...request,
          to: 'commit',
          secret: OTHER_SECRET,
          branches: [...request.branches, ...inventedBeside(request)],
        }),
      );
    });
  }
  const [branch] = request.branches;
  if (branch !== undefined) {
    const { initiator, epoch } = request;
    forgeDoubt(world, { gid, ...branch, led: { initiator, epoch } }, point);
  }
}

/** A branch that nobody has ever called. */
function inventedBeside({ branches: [branch] }: DecisionRequest): DecisionRequest['branches'] {
  return branch === undefined ? [] : [{ ...branch, branchId: '99', nonce: 'nonce-of-none' }];
}

function forgeDoubt(
  world: World,
  about: Pick<BranchCommand, 'gid' | 'branchId' | 'service' | 'action'> & {
    readonly led?: { readonly initiator: string; readonly epoch: number } | undefined;
  },
  point: string,
): void {
  const { gid, branchId, service, action, led } = about;
  if (led === undefined || world.fates.strike('forged-doubt', point) === undefined) {
    return;
  }
  const doubt: Doubt = {
    gid,
    branchId,
    service,
    action,
    kind: 'tcc',
    nonce: 'forged-nonce',
    secretHash: world.draws.pick(`${point} hash`, [FORGED_HASH, ...otherSecrets(world, gid)]),
    epoch: led.epoch,
    initiator: led.initiator,
    overdueMs: 1,
  };
  ask(world, `${point} forger`, async (engine) => {
    const [verdict] = await engine.doubts([doubt]);
    const told = verdict?.verdict ?? 'wait';
    const isAborted = world.safety.led.genuineRow(gid)?.state === 'aborted';
    if (told === 'confirm' || (told === 'undo' && !isAborted && !world.safety.led.isContested(gid))) {
      world.report(
        new Violation('S1', world.nameOfGid(gid), `a forged question was answered with '${told}'`),
      );
    }
  });
}

/** Who leads another transaction knows the secret of that one. */
function otherSecrets(world: World, gid: string): readonly string[] {
  const { story } = world.safety.led;
  return story.gids.filter((other) => other !== gid).flatMap((other) => story.secretOf(other) ?? []);
}

/** What is taken from a stranger before the initiator has written anything is the stranger's, and never of the initiator. */
async function expectRefusal(
  world: World,
  { gid, what }: { readonly gid: string; readonly what: string },
  request: () => Promise<unknown>,
): Promise<void> {
  await request();
  if (!world.safety.led.isContested(gid)) {
    world.report(new Violation('S1', world.nameOfGid(gid), what));
  }
}

function ask(world: World, point: string, request: (engine: Engine) => Promise<void>): void {
  const coordinator = world.draws.pick(`${point} where`, world.coordinators);
  // Most come in time to be first.
  world.scheduler.after(LATER_MS * world.draws.next(`${point} later`) ** 4, () => {
    coordinator.life?.after(0, () => {
      const { engine } = coordinator;
      if (engine !== undefined) {
        world.trace(point, 'comes along');
        void whenSettled(
          request(engine),
          () => undefined,
          (error) => {
            world.trace(point, `is refused: ${error.message}`);
          },
        );
      }
    });
  });
}
