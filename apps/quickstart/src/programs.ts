import { join } from 'node:path';
import type { Example, ExampleService, Instances, Surroundings } from './example.js';
import { REPOSITORY, type QuickstartOptions } from './options.js';
import type { ChildPlan } from './supervisor.js';

/*
 * Which programs a start consists of, and at which ports. The coordinators have the first ones; above them each instance of the
 * example has a row of its own.
 */

export interface ProgramsPlan {
  readonly options: Pick<QuickstartOptions, 'port' | 'coordinators' | 'instances'>;
  readonly example: Pick<Example, 'portCount' | 'services'>;
  /** Of the coordinators' database. */
  readonly coordinatorUrl: string;
  readonly databaseUrls: Surroundings['databaseUrls'];
  readonly kafka: Surroundings['kafka'];
}

export interface CoordinatorProgram {
  readonly plan: ChildPlan;
  readonly url: string;
}

/** A service as a program. There may be several instances of one, each with a name of its own. */
export interface ServiceProgram extends ExampleService {
  /** The name by which the catalogue knows it. */
  readonly service: string;
}

export interface Programs {
  readonly coordinators: readonly CoordinatorProgram[];
  /** Where the services of each instance find what they need. */
  readonly instances: Instances;
  /** The first instance of each service, which makes its tables. */
  readonly first: readonly ServiceProgram[];
  /** The others, to be started when those are ready. */
  readonly others: readonly ServiceProgram[];
}

/** Returns the ports that a start takes. */
export function portsOf({ options, example }: Pick<ProgramsPlan, 'options' | 'example'>): number[] {
  const count = options.coordinators + options.instances * example.portCount;
  return Array.from({ length: count }, (_, above) => options.port + above);
}

export function planPrograms(plan: ProgramsPlan): Programs {
  const { instances: instanceCount } = plan.options;
  const coordinators = Array.from({ length: plan.options.coordinators }, (_, at) => coordinatorAt(at, plan));
  const surroundingsAt = (at: number): Surroundings => ({
    databaseUrls: plan.databaseUrls,
    coordinatorUrl: coordinators[at % coordinators.length]?.url ?? '',
    firstPort: plan.options.port + coordinators.length + at * plan.example.portCount,
    kafka: plan.kafka,
  });
  const others = Array.from({ length: instanceCount - 1 }, (_, at) => surroundingsAt(at + 1));
  const instances: Instances = [surroundingsAt(0), ...others];
  const [first = [], ...rest] = instances.map((surroundings, at) =>
    plan.example.services(surroundings).map((service) => ({
      ...service,
      service: service.plan.name,
      plan: { ...service.plan, name: numbered(service.plan.name, at, instanceCount) },
    })),
  );
  return { coordinators, instances, first, others: rest.flat() };
}

function coordinatorAt(at: number, { options, coordinatorUrl, kafka }: ProgramsPlan): CoordinatorProgram {
  const port = options.port + at;
  return {
    url: `http://127.0.0.1:${port}`,
    plan: {
      name: numbered('coordinator', at, options.coordinators),
      entry: join(REPOSITORY, 'apps', 'coordinator', 'dist', 'main.js'),
      stopsLast: true,
      environment: { ATONE_DATABASE_URL: coordinatorUrl, ATONE_HTTP_PORT: String(port), ...kafka },
    },
  };
}

/** Who is alone needs no number. */
function numbered(name: string, at: number, count: number): string {
  return count === 1 ? name : `${name}-${at + 1}`;
}
