import { BARRIER_VERSION, callHttp, type AtoneClient, type LocalDatabase } from '@atone/participant';
import {
  HEADERS,
  type DecisionRequest,
  type LogInfo,
  type ParticipantView,
  type TransactionView,
} from '@atone/protocol';
import { AtoneModule } from '../atone.module.js';
import { ATONE_CONNECTION } from '../atone.connection.js';
import { Global, Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';

/** A coordinator that says yes to everything, and remembers what it was asked. */
export class FakeCoordinator {
  readonly decisions: (DecisionRequest & { readonly gid: string })[] = [];
  readonly instances: ParticipantView[] = [];

  /** What services use of it. */
  get client(): AtoneClient {
    const { decisions, instances } = this;
    const client: Partial<AtoneClient> = {
      url: 'http://coordinator.test',
      logInfo: async (): Promise<LogInfo> => ({
        logNumber: 1,
        epoch: 1,
        timeoutMaxMs: 3_600_000,
        now: new Date().toISOString(),
      }),
      decide: async (gid, request) => {
        decisions.push({ gid, ...request });
        return viewOf(gid, request.to === 'commit' ? 'committed' : 'aborted');
      },
      notices: async () => undefined,
      participants: async () => instances,
      registerBranches: async (gid) => viewOf(gid, 'undecided'),
    };
    return client as AtoneClient;
  }

  /** What was decided, the transactions by their names: `commit place-order`. */
  get decided(): readonly string[] {
    return this.decisions.map(({ to, name }) => `${to} ${name}`);
  }

  /** The branches of the last decision. */
  get branches(): readonly string[] {
    return this.decisions.at(-1)?.branches.map(({ branchId }) => branchId) ?? [];
  }
}

function viewOf(gid: string, outcome: TransactionView['outcome']): TransactionView {
  return { gid, outcome, branches: [] } as Partial<TransactionView> as TransactionView;
}

interface ApplicationParts extends ModuleMetadata {
  readonly options?: Partial<Parameters<typeof AtoneModule.forRoot>[0]>;
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
}

/** Returns an application whose AtoneModule is connected with `coordinator`. */
export async function compileWith(
  coordinator: FakeCoordinator,
  { options = {}, override = (builder) => builder, ...metadata }: ApplicationParts,
): Promise<TestingModule> {
  const atone = AtoneModule.forRoot({
    service: 'orders',
    coordinator: { url: 'http://coordinator.test' },
    ...options,
  });
  const builder = Test.createTestingModule({
    ...metadata,
    imports: [atone, connectionModule(coordinator), ...(metadata.imports ?? [])],
  });
  return override(builder).compile();
}

function connectionModule({ client }: FakeCoordinator): DynamicModule {
  const connection = {
    provide: ATONE_CONNECTION,
    useValue: { client: () => client, serve: async () => ({ close: async () => undefined }) },
  };
  return { module: ConnectionModule, providers: [connection], exports: [connection] };
}

@Global()
@Module({})
class ConnectionModule {}

/** Answers what is asked at a start: the barrier is there, and no privilege is missing. */
export const readyDatabase: LocalDatabase<unknown> = {
  transaction: (work) => work({ transaction: {}, sql: ready, seal: () => undefined }),
  session: () => ready,
};

const ready = {
  execute: async (text: string) => ({
    rows: text.includes('as missing') ? [] : [{ version: BARRIER_VERSION, is_there: true }],
    affectedCount: 0,
  }),
};

/** Makes a call of a service that has one branch below it: `reserve` of `stock`. Returns the id of the branch. */
export async function callStock(): Promise<string> {
  let branchId = '';
  await callHttp(async (headers) => {
    branchId = `${headers[HEADERS.branchId]}~run.1`;
    return { status: 200, headers: { [HEADERS.enlisted]: enlisted(branchId) } };
  });
  return branchId;
}

/** Returns what an answer tells of a branch. */
function enlisted(branchId: string): string {
  const branch = { branchId, service: 'stock', action: 'reserve', kind: 'saga', nonce: 'nonce-of-stock' };
  return JSON.stringify({ below: [branch] });
}
