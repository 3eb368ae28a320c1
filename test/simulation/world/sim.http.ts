import { gidTimeMs } from '@atone/core';
import type { ClientPorts, HttpRequest, HttpResponse } from '@atone/participant';
import { COMMANDS_PATH, HEADERS, replyTo, type BranchCommand, type CommandBatch } from '@atone/protocol';
import { Violation } from '../check/violation.js';
import { SimulatedOutage } from './log.line.js';
import { PLAIN_PATHS, type PlainBody, type PlainCall } from './plain.call.js';
import { MEMORY_MS } from './retention.js';
import { answerRest, type RestRequest } from './rest.js';
import type { SimClock } from './sim.clock.js';
import { never, type Life, type SimProcess } from './sim.process.js';
import { strangersAfter, strangersBefore } from './strangers.js';
import { whenSettled } from './when-settled.js';
import type { Target, World } from './world.js';

/** Stands for all coordinators: each request goes to some of them. */
export const COORDINATOR_URL = 'http://coordinator';

/** A request on its way: where it goes, and what plans and traces know it by. */
interface Journey {
  readonly to: SimProcess;
  readonly point: string;
  /** Carries it out there. Never settles where there is no answer. */
  readonly serve: (life: Life) => Promise<HttpResponse>;
}

/** Returns HTTP as one life of a process has it: between services, and to the coordinators. */
export function httpOver(life: Life): ClientPorts['send'] {
  return async (request) => {
    if (life.isOver) {
      return never();
    }
    const journey = journeyOf(life, request);
    await life.process.passFailpoint(life, `sends ${journey.point}`);
    const response = await travel(life, journey, request.timeoutMs);
    await life.process.passFailpoint(life, `hears of ${journey.point}`);
    return response;
  };
}

function journeyOf(life: Life, request: HttpRequest): Journey {
  const { world } = life.process;
  const url = new URL(request.url);
  const body = request.body === undefined ? undefined : (JSON.parse(request.body) as unknown);
  if (request.url.startsWith(COORDINATOR_URL)) {
    const rest = { method: request.method, path: url.pathname, query: url.searchParams, body } as RestRequest;
    return toCoordinator(life, rest);
  }
  const action = PLAIN_PATHS.get(url.pathname);
  const target: Target | undefined = world.participants.find(({ name }) => `${name}.sim` === url.hostname);
  if (action !== undefined && target !== undefined) {
    return toPlain(world, target, { action, headers: request.headers, body: body as PlainBody });
  }
  const { commands } = body as CommandBatch;
  const [command] = commands;
  if (command === undefined || target === undefined || url.pathname !== COMMANDS_PATH) {
    throw new Error(`Nobody in this world answers to ${request.url}.`);
  }
  return toParticipant(life, target, command);
}

function toParticipant(life: Life, target: Target, command: BranchCommand): Journey {
  const { world } = life.process;
  world.callMade(command);
  const point = world.nameOf(command);
  return {
    to: target,
    point,
    serve: (there) =>
      new Promise((resolve) => {
        const execution = world.network.begins(there);
        target.receive(command, (reply) => {
          execution.ends();
          world.trace(target.name, `answers ${reply.outcome} to ${point}`);
          resolve(responseOf(200, `${JSON.stringify(replyTo(command, reply))}\n`));
        });
      }),
  };
}

function toPlain(world: World, target: Target, plainCall: PlainCall): Journey {
  const { headers, body } = plainCall;
  const call = { gid: headers[HEADERS.gid] ?? '', branchId: headers[HEADERS.branchId] ?? '' };
  world.calledByHand({ ...call, secretHash: headers[HEADERS.secretHash] ?? '' }, body.branch);
  const point = world.nameOf({ ...call, op: 'action', round: 1, attempt: body.attempt });
  return {
    to: target,
    point,
    serve: async (there) => {
      const execution = world.network.begins(there);
      const response = (await target.serve?.(there, plainCall)) ?? responseOf(404, '');
      execution.ends();
      world.trace(target.name, `answers ${response.status} to ${point}`);
      return response;
    },
  };
}

function toCoordinator({ process }: Life, rest: RestRequest): Journey {
  const { world, name } = process;
  const point = pointOf(world, rest, name);
  const coordinator = world.draws.pick(`${point} where`, world.coordinators);
  return {
    to: coordinator,
    point,
    serve: async () => {
      const { engine, clock } = coordinator;
      if (engine === undefined || clock === undefined) {
        return responseOf(503, '{"code":"STARTING","detail":"It is starting."}');
      }
      strangersBefore(world, rest);
      const isTooLate = isDecisionTooLate(clock, rest);
      const { status, body } = await answerRest(engine, clock, rest).catch((error: unknown) => {
        world.report(error);
        return { status: 500, body: undefined };
      });
      world.trace(coordinator.name, `answers ${status} to ${point}`);
      strangersAfter(world, rest, status);
      if (isTooLate && !isRefused({ status, body }, 'TRANSACTION_TOO_OLD')) {
        world.report(new Violation('S2', undefined, `${point}, of long ago, was answered with ${status}`));
      }
      return responseOf(status, body === undefined ? '' : JSON.stringify(body));
    },
  };
}

/** Whether somebody decides what the log does not remember, for all that the coordinator knows of the time. */
function isDecisionTooLate(clock: SimClock, { path }: RestRequest): boolean {
  const [, , , gid = '', part] = path.split('/');
  return part === 'decision' && clock.now() - gidTimeMs(gid) > MEMORY_MS;
}

function isRefused(
  { status, body }: { readonly status: number; readonly body: unknown },
  code: string,
): boolean {
  return status === 409 && (body as { readonly code?: string }).code === code;
}

/** Names a request by what it is about: the transaction, or who asks. */
function pointOf(world: World, { path, body }: RestRequest, asker: string): string {
  const [, , what = '', gid = '', part] = path.split('/');
  if (part === 'decision') {
    return `${world.nameOfGid(gid)} ${(body as { to: string }).to}`;
  }
  return part === 'branches' ? `${world.nameOfGid(gid)} register` : `${asker} ${gid === '' ? what : gid}`;
}

async function travel(life: Life, { to, point, serve }: Journey, timeoutMs: number): Promise<HttpResponse> {
  const { world, name } = life.process;
  world.trace(name, `sends ${point} to ${to.name}`);
  return new Promise((resolve, reject) => {
    const timer = life.after(timeoutMs, () => {
      reject(new SimulatedOutage(`${to.name} did not answer in time.`));
    });
    const comeBack = (settle: () => void): void => {
      life.after(0, () => {
        timer.cancel();
        settle();
      });
    };
    if (point.endsWith(' notices') && world.fates.strike('notice-lost', point) !== undefined) {
      return;
    }
    world.network.carry({ from: name, to: to.name, kind: 'command', point }, () => {
      const there = to.life;
      if (there === undefined) {
        comeBack(() => {
          reject(new SimulatedOutage(`Nobody listens at ${to.name}.`));
        });
        return;
      }
      there.after(0, () => {
        void whenSettled(
          serve(there),
          (response) => {
            bringBack(world, { from: to.name, to: name, point }, () => {
              comeBack(() => {
                resolve(response);
              });
            });
          },
          (error) => {
            world.report(error);
          },
        );
      });
    });
  });
}

function bringBack(
  world: World,
  way: { readonly from: string; readonly to: string; readonly point: string },
  arrive: () => void,
): void {
  const isCommit = way.point.endsWith(' commit');
  if (isCommit && world.fates.strike('commit-answer-lost', way.point) !== undefined) {
    world.trace(way.from, `answer to ${way.point} is lost`);
    return;
  }
  world.network.carry({ ...way, kind: 'reply' }, arrive);
}

function responseOf(status: number, text: string): HttpResponse {
  return { status, text, header: () => undefined };
}
