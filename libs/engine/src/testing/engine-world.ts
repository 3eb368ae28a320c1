import type { Submission } from '@atone/protocol';
import { Catalogue } from '../catalogue.js';
import { Engine } from '../engine.js';
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '../engine.options.js';
import type { TransactionLog } from '../log.port.js';
import type { EngineLogger } from '../logger.port.js';
import type { EngineObserver } from '../observer.port.js';
import { ManualClock } from './manual-clock.js';
import { MemoryCatalogueStore } from './memory-catalogue.js';
import { MemoryLog } from './memory-log.js';
import { happyScript, ScriptedTransport, type Script } from './scripted-transport.js';
import { SeededRandom } from './seeded-random.js';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** One log, one catalogue, one clock, and as many coordinators as a test asks for. */
export class EngineWorld {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog(this.clock);
  private readonly store = new MemoryCatalogueStore(this.clock);
  private readonly random = new SeededRandom(1);
  private instanceCount = 0;

  /** Enters a service whose actions have a compensation, unless their name ends in `!`. One that ends in `?` is a try. */
  async offer(
    service: string,
    actions: readonly string[],
    kind: 'library' | 'plain' = 'library',
  ): Promise<void> {
    await this.store.register(service, {
      instance: 'one',
      baseUrl: 'http://127.0.0.1:1',
      kind,
      protocol: 1,
      actions: actions.map((name) => ({
        name: name.replace(/[!?]$/u, ''),
        ...(name.endsWith('?') ? { kind: 'tcc' as const } : {}),
        hasCompensation: !name.endsWith('!'),
        ...(kind === 'plain' ? { path: `/${name}`, compensatePath: `/${name}/undo` } : {}),
      })),
    });
  }

  /** Takes a service out of the catalogue. */
  async withdraw(service: string): Promise<void> {
    await this.store.deregister(service, 'one');
  }

  /** Starts a coordinator. What the test does not name is as in production. */
  async coordinator(
    own: {
      script?: Script;
      log?: TransactionLog;
      logger?: EngineLogger;
      observer?: EngineObserver;
      instanceId?: string;
      options?: Partial<EngineOptions>;
    } = {},
  ): Promise<{ engine: Engine; transport: ScriptedTransport }> {
    this.instanceCount += 1;
    const transport = new ScriptedTransport(own.script ?? happyScript);
    const engine = new Engine(
      {
        log: own.log ?? this.log,
        transport,
        catalogue: new Catalogue(this.store),
        clock: this.clock,
        random: this.random,
        logger: own.logger ?? SILENT,
        observer: own.observer,
      },
      {
        ...DEFAULT_ENGINE_OPTIONS,
        instanceId: own.instanceId ?? `instance-${this.instanceCount}`,
        ...own.options,
      },
    );
    await engine.start();
    return { engine, transport };
  }
}

/** A submission of steps that each call `shop/<name>`, one after the other. */
export function planOfSteps(names: readonly string[], more: Partial<Submission> = {}): Submission {
  return {
    name: 'test-saga',
    steps: names.map((name) => ({ name, service: 'shop', action: name })),
    ...more,
  };
}
