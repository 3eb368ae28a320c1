import { Inject, type InjectionToken, type Provider } from '@nestjs/common';
import {
  createServiceClient,
  MisuseError,
  type ActionContract,
  type ServiceClient,
} from '@atone/participant';
import { ServiceCaller } from './service.caller.js';

/** All that a service offers, as `contract` returns it. */
export type AnyContract = Readonly<Record<string, ActionContract>>;

/** Fits what takes the client of `Contract`: a parameter of a constructor, or a property. */
export interface ClientDecorator<Contract> {
  <Target extends abstract new (...args: never[]) => unknown, Index extends number>(
    target: Target & Taking<ServiceClient<Contract>, ConstructorParameters<Target>, Index>,
    key: undefined,
    index: Index,
  ): void;
  <Prototype extends object, Property extends string | symbol>(
    prototype: Prototype & Taking<ServiceClient<Contract>, Prototype, Property>,
    property: Property,
  ): void;
}

/** Nothing more to ask of `Owner`; or what the compiler shows where its member is of another type. Private properties are not to be seen. */
type Taking<Client, Owner, Member extends PropertyKey> = Member extends keyof Owner
  ? Client extends Owner[Member]
    ? unknown
    : { readonly 'declare it as the client of this contract': Client }
  : unknown;

/**
 * Injects the client of the service that `contract` describes; name the contract in `clients` of AtoneModule, too.
 *
 * ```ts
 * constructor(@InjectClient(payments) private readonly paymentService: ServiceClient<typeof payments>) {}
 * ```
 *
 * Its methods are called in global transactions. Those of the service itself are carried out in this process. A parameter, or a public
 * property, that is declared as the client of another contract does not compile.
 *
 * @throws MisuseError when the class is loaded, for what is no contract.
 */
export function InjectClient<Contract extends AnyContract>(contract: Contract): ClientDecorator<Contract> {
  return Inject(clientToken(contract));
}

/** Returns the token of the client of a service, to replace it in tests. @throws MisuseError for what is no contract. */
export function clientToken(contract: AnyContract): InjectionToken {
  const service = serviceOf(contract, '@InjectClient');
  // Nest shows it to whoever forgets to do so.
  return Symbol.for(`client of '${service}': add its contract to \`clients\` of AtoneModule.forRoot`);
}

/** Returns what provides the clients of `contracts`. @throws MisuseError for what is no contract, and for two of a service. */
export function clientProviders(contracts: readonly AnyContract[]): Provider[] {
  const services = contracts.map((contract) => serviceOf(contract, '`clients` of AtoneModule'));
  const twice = services.find((service, position) => services.indexOf(service) !== position);
  if (twice !== undefined) {
    throw new MisuseError(
      `\`clients\` of AtoneModule names two contracts of the service '${twice}'. Keep one, which describes all that is called of it.`,
    );
  }
  return contracts.map((contract) => ({
    provide: clientToken(contract),
    useFactory: ({ calls }: ServiceCaller) => createServiceClient(contract, { calls }),
    inject: [ServiceCaller],
  }));
}

function serviceOf(contract: AnyContract | undefined, place: string): string {
  const actions = typeof contract === 'object' && contract !== null ? Object.values(contract) : [];
  const services = new Set(actions.map((action) => (action as Partial<ActionContract> | undefined)?.service));
  const [service] = services;
  if (services.size !== 1 || typeof service !== 'string') {
    throw new MisuseError(
      `${place} was given what is no contract of a service. Pass what \`contract('payments', { … })\` returns. An import cycle may be why it is undefined.`,
    );
  }
  return service;
}
